// Saves what is on the screen as a file.
import type { Desk } from "../desk";
import { Icon } from "./Icon";

export function ExportButton(props: { desk: Desk; of: "list" | "chain" }) {
  const label = () => `Save this ${props.of} as CSV`;
  return (
    <button
      type="button"
      class="icon-button"
      title={`${label()} (e)`}
      aria-label={label()}
      data-testid={`export-${props.of}`}
      onClick={() => props.desk.exportShown()}
    >
      <Icon name="download" />
    </button>
  );
}
