// The bar on top: name, search, the state in words, latencies, theme, the user's menu.
import { Show } from "solid-js";
import { cookie } from "../api";
import type { Desk } from "../desk";
import { Icon } from "./Icon";
import { Latency } from "./Latency";
import { Menu } from "./Menu";
import { Search } from "./Search";

export function TopBar(props: { desk: Desk; onSearch: (focus: () => void) => void; onHelp: () => void }) {
  return (
    <header class="topbar">
      <a class="brand" href="/" aria-label="Strikewire">
        <Icon name="mark" />
        <span>Strikewire</span>
      </a>
      <Search desk={props.desk} onReady={props.onSearch} onHelp={props.onHelp} />
      <Status desk={props.desk} />
      <div class="tools">
        <button
          type="button"
          class="icon-button help-button"
          title="Keys (?)"
          aria-label="Keys"
          onClick={props.onHelp}
        >
          <Icon name="help" />
        </button>
        <button
          type="button"
          class="icon-button"
          title="Dark or light (t)"
          aria-label="Dark or light"
          data-testid="theme"
          onClick={() => props.desk.display.toggleTheme()}
        >
          <Icon name="theme" />
        </button>
        <UserMenu desk={props.desk} />
      </div>
    </header>
  );
}

function Status(props: { desk: Desk }) {
  const words = () => props.desk.words();
  return (
    <div class="status">
      <div class="state" data-tone={words().tone} data-testid="state" role="status">
        <span class="lamp" aria-hidden="true" />
        <span class="words" title={words().text}>
          {words().text}
        </span>
      </div>
      <Latency desk={props.desk} />
    </div>
  );
}

function UserMenu(props: { desk: Desk }) {
  const { page } = props.desk;
  return (
    <Menu
      class="user-button"
      title={`Account of ${page.user}`}
      testid="account"
      button={
        <>
          <span class="initial" aria-hidden="true">
            {page.user.slice(0, 1).toUpperCase()}
          </span>
          <span class="user-name">{page.user}</span>
          <Icon name="down" />
        </>
      }
    >
      <p class="muted">
        Signed in as <strong>{page.user}</strong>
      </p>
      <a class="menu-item" href="/accounts/" data-testid="own-account">
        Account
      </a>
      <Show when={page.staff}>
        <a class="menu-item" href="/admin/">
          Administration
        </a>
      </Show>
      <form method="post" action={page.logoutUrl}>
        <input type="hidden" name="csrfmiddlewaretoken" value={cookie("csrftoken")} />
        <button type="submit" class="menu-item" data-testid="sign-out">
          Sign out
        </button>
      </form>
    </Menu>
  );
}
