// What can be put into a watchlist besides one symbol, and its link.
import type { Desk } from "../desk";
import { Icon } from "../views/Icon";
import { Menu } from "../views/Menu";

export function ListMenu(props: { desk: Desk }) {
  const { ask } = props.desk;
  return (
    <>
      <Menu
        button={<Icon name="plus" />}
        label="Add to this list"
        title="Add to this list"
        testid="list-menu"
      >
        <button
          type="button"
          class="menu-item"
          data-testid="ask-paste"
          onClick={() => ask({ what: "paste", text: "" })}
        >
          Paste symbols…
        </button>
        <button
          type="button"
          class="menu-item"
          data-testid="ask-rolling"
          onClick={() => ask({ what: "rolling", of: null })}
        >
          Contracts around the money…
        </button>
        <button
          type="button"
          class="menu-item"
          data-testid="ask-section"
          onClick={() => ask({ what: "section", of: null })}
        >
          Heading…
        </button>
      </Menu>
      <button
        type="button"
        class="icon-button"
        title="Share this watchlist"
        aria-label="Share this watchlist"
        data-testid="ask-share"
        onClick={() => ask({ what: "share" })}
      >
        <Icon name="share" />
      </button>
    </>
  );
}
