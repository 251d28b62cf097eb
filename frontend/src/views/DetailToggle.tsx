// Opens and closes the details beside a list or a chain.
import type { Desk } from "../desk";
import { Icon } from "./Icon";

export function DetailToggle(props: { desk: Desk; of: string }) {
  return (
    <button
      type="button"
      class="icon-button detail-button"
      title={`Details of ${props.of} (Enter)`}
      aria-label={`Details of ${props.of}`}
      aria-pressed={props.desk.detailOpen()}
      data-testid="detail-toggle"
      onClick={() => props.desk.showDetail(!props.desk.detailOpen())}
    >
      <Icon name="panel" />
    </button>
  );
}
