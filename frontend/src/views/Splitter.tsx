// The edge between two parts of the page: dragged, or moved by the arrow keys; Home and End to its ends, Enter or a double
// click to what is usual.
import type { Desk } from "../desk";
import { type Side, WIDTHS } from "../panels";

const STEP = 16;

export function Splitter(props: { desk: Desk; side: Side; label: string }) {
  let handle!: HTMLDivElement;
  const { panels } = props.desk;
  /** Of the panel beside it, as it is laid out now. */
  const width = () => {
    const panel = props.side === "rail" ? handle.previousElementSibling : handle.nextElementSibling;
    return panel?.getBoundingClientRect().width ?? WIDTHS[props.side].usual;
  };
  /** What a movement to the right adds to it. */
  const sign = () => (props.side === "rail" ? 1 : -1);
  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const from = event.clientX;
    const before = width();
    const move = (next: PointerEvent) => panels.resize(props.side, before + sign() * (next.clientX - from));
    const end = () => {
      handle.removeEventListener("pointermove", move);
      handle.classList.remove("dragged");
    };
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("dragged");
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", end, { once: true });
    event.preventDefault();
    handle.focus({ preventScroll: true });
  };
  const onKey = (event: KeyboardEvent) => {
    const { least, most } = WIDTHS[props.side];
    const to: Record<string, () => number | null> = {
      ArrowLeft: () => width() - sign() * STEP,
      ArrowRight: () => width() + sign() * STEP,
      Home: () => least,
      End: () => most,
      Enter: () => null,
    };
    const wanted = to[event.key];
    if (!wanted) return;
    panels.resize(props.side, wanted());
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={handle}
      class={`splitter splitter-${props.side}`}
      role="separator"
      aria-orientation="vertical"
      aria-label={props.label}
      aria-valuenow={panels.width(props.side) ?? WIDTHS[props.side].usual}
      aria-valuemin={WIDTHS[props.side].least}
      aria-valuemax={WIDTHS[props.side].most}
      tabIndex={0}
      title="Drag to resize; double-click for the usual width"
      data-testid={`splitter-${props.side}`}
      onPointerDown={onDown}
      onKeyDown={onKey}
      onDblClick={() => panels.resize(props.side, null)}
    />
  );
}
