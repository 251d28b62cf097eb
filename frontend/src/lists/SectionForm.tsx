// The name of a heading within a watchlist.
import type { SectionItem } from "../api";
import type { Desk } from "../desk";
import { Buttons } from "./PasteForm";

export function SectionForm(props: { desk: Desk; of: SectionItem | null }) {
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget as HTMLFormElement).get("name") ?? "").trim();
    if (name && (await props.desk.saveSection(props.of, name))) props.desk.ask(null);
  };
  return (
    <form onSubmit={submit}>
      <label class="field">
        <span>Name</span>
        <input
          ref={(input) => queueMicrotask(() => input.select())}
          name="name"
          required
          maxLength={80}
          autocomplete="off"
          value={props.of?.name ?? ""}
          data-testid="section-name"
        />
      </label>
      <Buttons desk={props.desk} action={props.of ? "Rename" : "Add"} />
    </form>
  );
}
