// How a list is shown: what it is sorted by, its columns, and it as a file.
import { Show } from "solid-js";
import type { Desk } from "../desk";
import { nameOf } from "../grid/ColumnChooser";
import { ColumnsMenu } from "../grid/ColumnsMenu";
import { ExportButton } from "../views/ExportButton";
import { OFFERED, USUAL } from "./layout";

export function ListTools(props: { desk: Desk }) {
  const { listView } = props.desk;
  const sort = () => listView.sortOf(props.desk.listKey());
  const hidden = () => listView.columns().length - props.desk.listFit().length;
  return (
    <div class="list-tools">
      <Show when={sort()}>
        {(by) => (
          <>
            <span
              class="sorted-by"
              data-testid="sorted-by"
              title="Sorted again every three seconds, but not while the pointer is over the rows"
            >
              <span class="by-word">sorted by </span>
              {by().key === "name" ? "Contract" : nameOf(by().key)}, {by().down ? "falling" : "rising"}
            </span>
            <button
              type="button"
              class="link"
              data-testid="own-order"
              onClick={() => {
                listView.ownOrder(props.desk.listKey());
                props.desk.focusGrid();
              }}
            >
              Own order
            </button>
          </>
        )}
      </Show>
      <ExportButton desk={props.desk} of="list" />
      <ColumnsMenu
        testid="choose-list-columns"
        hidden={hidden()}
        columns={listView.columns()}
        offered={OFFERED}
        usual={USUAL}
        order="From left to right"
        up="Further left"
        down="Further right"
        hasRoom={(key) => props.desk.listFit().includes(key)}
        onChoose={(keys) => listView.showColumns(keys)}
      />
    </div>
  );
}
