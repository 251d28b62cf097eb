// The boxes over the page that ask what to put into a watchlist, and show its link.
import { type JSX, Match, onMount, Switch } from "solid-js";
import type { Desk } from "../desk";
import { PasteForm } from "./PasteForm";
import { RollingForm } from "./RollingForm";
import { SectionForm } from "./SectionForm";
import { ShareForm } from "./ShareForm";
import "./lists.css";

export function ListDialogs(props: { desk: Desk }) {
  const asked = () => props.desk.asked();
  const paste = () => {
    const now = asked();
    return now?.what === "paste" ? now : null;
  };
  const rolling = () => {
    const now = asked();
    return now?.what === "rolling" ? now : null;
  };
  const section = () => {
    const now = asked();
    return now?.what === "section" ? now : null;
  };
  return (
    <Switch>
      <Match when={paste()}>
        {(now) => (
          <Dialog desk={props.desk} title={`Paste into ${props.desk.active()?.name}`} wide>
            <PasteForm desk={props.desk} text={now().text} />
          </Dialog>
        )}
      </Match>
      <Match when={rolling()}>
        {(now) => (
          <Dialog desk={props.desk} title="Contracts around the money">
            <RollingForm desk={props.desk} of={now().of} />
          </Dialog>
        )}
      </Match>
      <Match when={section()}>
        {(now) => (
          <Dialog desk={props.desk} title={now().of ? "Rename the heading" : "New heading"}>
            <SectionForm desk={props.desk} of={now().of} />
          </Dialog>
        )}
      </Match>
      <Match when={asked()?.what === "share"}>
        <Dialog desk={props.desk} title={`Share ${props.desk.active()?.name}`}>
          <ShareForm desk={props.desk} />
        </Dialog>
      </Match>
    </Switch>
  );
}

function Dialog(props: { desk: Desk; title: string; wide?: boolean; children: JSX.Element }) {
  let dialog!: HTMLDialogElement;
  onMount(() => dialog.showModal());
  return (
    <dialog
      ref={dialog}
      class="dialog"
      classList={{ wide: props.wide === true }}
      aria-labelledby="list-dialog"
      data-testid="list-dialog"
      onClose={() => {
        props.desk.ask(null);
        props.desk.focusGrid();
      }}
    >
      <h2 id="list-dialog">{props.title}</h2>
      {props.children}
    </dialog>
  );
}
