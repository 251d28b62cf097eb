// The button beside a grid that opens the choice of its columns.
import type { ComponentProps } from "solid-js";
import { Icon } from "../views/Icon";
import { Menu } from "../views/Menu";
import { ColumnChooser } from "./ColumnChooser";

interface Props extends ComponentProps<typeof ColumnChooser> {
  /** How many of the chosen ones have no room now. */
  hidden: number;
  testid: string;
}

export function ColumnsMenu(props: Props) {
  return (
    <Menu
      button={<Icon name="columns" />}
      label="Columns"
      title={props.hidden > 0 ? `Columns; ${props.hidden} have no room now` : "Columns"}
      testid={props.testid}
    >
      <ColumnChooser {...props} />
    </Menu>
  );
}
