// A position of options: its legs, its cost, its payoff.
import type { Desk } from "../desk";

export default function PayoffView(props: { desk: Desk }) {
  return <main class="panel" data-testid="payoff" data-view={props.desk.view()} />;
}
