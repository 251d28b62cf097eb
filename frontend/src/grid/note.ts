// What a cell's title says, for who has no mouse to rest on it: it comes where the keys have come to rest, and under a finger
// that holds. Before: grid.ts, chain/grid.ts.

/** A cursor on its way through a row shows no notes. */
export const REST_MS = 600;
/** As long as a press has to be to mean something else than a tap. */
export const HOLD_MS = 450;
/** A finger that goes farther scrolls. */
const STILL_PX = 10;
const GAP_PX = 4;
const EDGE_PX = 6;

export class CellNote {
  readonly element = document.createElement("div");
  private shown: HTMLElement | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pressed: { readonly x: number; readonly y: number } | null = null;
  /** The tap that a press ends with is not one. */
  private held = false;

  /** Of the cells in `host`, which scrolls. */
  constructor(host: HTMLElement) {
    this.element.className = "cell-note";
    // It is read out as what describes the cell.
    this.element.setAttribute("aria-hidden", "true");
    this.element.dataset["testid"] = "cell-note";
    host.addEventListener("pointerdown", this.onDown, { passive: true });
    host.addEventListener("pointermove", this.onMove, { passive: true });
    for (const name of ["pointerup", "pointercancel"]) host.addEventListener(name, this.release);
    host.addEventListener("click", this.onClick, { capture: true });
    host.addEventListener("contextmenu", this.onMenu);
    host.addEventListener("scroll", this.onScroll, { passive: true });
    host.addEventListener("blur", this.hide);
  }

  /** The keys are at that cell now. */
  follow(cell: HTMLElement | null): void {
    this.hide();
    if (cell) this.timer = setTimeout(() => this.show(cell), REST_MS);
  }

  readonly hide = (): void => {
    clearTimeout(this.timer);
    this.shown = null;
    this.element.remove();
  };

  /** What is shown may say something else by now. */
  refresh(): void {
    if (!this.shown) return;
    const text = this.shown.isConnected ? noteOf(this.shown) : "";
    if (!text) this.hide();
    else if (text !== this.element.textContent) this.show(this.shown);
  }

  private show(cell: HTMLElement): void {
    const text = cell.isConnected ? noteOf(cell) : "";
    if (!text) return;
    this.shown = cell;
    this.element.textContent = text;
    document.body.append(this.element);
    const at = cell.getBoundingClientRect();
    const { width, height } = this.element.getBoundingClientRect();
    const above = at.top - height - GAP_PX;
    const left = at.left + (at.width - width) / 2;
    this.element.style.left = `${Math.max(EDGE_PX, Math.min(left, window.innerWidth - width - EDGE_PX))}px`;
    // A finger covers what is below it, and the row below is the next that is read.
    this.element.style.top = `${above >= EDGE_PX ? above : at.bottom + GAP_PX}px`;
  }

  private readonly onDown = (event: PointerEvent): void => {
    this.hide();
    this.held = false;
    const cell = event.pointerType === "touch" && cellOf(event.target);
    if (!cell) return;
    this.pressed = { x: event.clientX, y: event.clientY };
    this.timer = setTimeout(() => {
      this.held = true;
      this.show(cell);
    }, HOLD_MS);
  };

  private readonly onMove = ({ clientX, clientY }: PointerEvent): void => {
    if (!this.pressed) return;
    const { x, y } = this.pressed;
    if (Math.hypot(clientX - x, clientY - y) > STILL_PX) this.release();
  };

  /** The finger is off, or scrolls: what it has shown stays, to be read. */
  private readonly release = (): void => {
    if (!this.pressed) return;
    this.pressed = null;
    if (!this.held) clearTimeout(this.timer);
  };

  private readonly onClick = (event: MouseEvent): void => {
    if (!this.held) return;
    this.held = false;
    event.preventDefault();
    event.stopPropagation();
  };

  /** The step of a cursor to the edge scrolls too: what is on its way comes. */
  private readonly onScroll = (): void => {
    if (this.shown) this.hide();
  };

  private readonly onMenu = (event: MouseEvent): void => {
    if (this.pressed || this.held) event.preventDefault();
  };
}

function cellOf(target: EventTarget | null): HTMLElement | null {
  return (target as Element | null)?.closest<HTMLElement>(".cell") ?? null;
}

/** As the pointer has it: the cell's own, else that of the row that it is in. */
function noteOf(cell: HTMLElement): string {
  return cell.closest<HTMLElement>("[title]")?.title ?? "";
}
