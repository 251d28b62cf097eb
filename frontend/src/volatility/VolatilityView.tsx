// An underlying's volatility: by expiry and by strike.
import type { Desk } from "../desk";

export default function VolatilityView(props: { desk: Desk }) {
  return <main class="panel" data-testid="volatility" data-view={props.desk.view()} />;
}
