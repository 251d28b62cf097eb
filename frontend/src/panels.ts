// The parts beside the middle of the page, the watchlists at the left and the details at the right: how wide, and whether
// they are there. The account keeps it; but on a phone the details are a sheet over the page, which nobody keeps.
import { createSignal } from "solid-js";
import type { Settings } from "./settings";

export type Side = "rail" | "detail";

/** In px: the least that can be read, what is usual, the most of use. */
export const WIDTHS = {
  rail: { least: 140, usual: 216, most: 420 },
  detail: { least: 260, usual: 340, most: 640 },
} as const;

/** As in shell.css: one column, in which the watchlists are tabs and cannot be away. */
export const NARROW = "(max-width: 760px)";

interface Kept {
  readonly open: boolean;
  readonly width: number | null;
  /** The details at their widest, for the chart. */
  readonly wide?: boolean;
}

/** `narrow` tells whether the window is a phone's. */
export function createPanels(settings: Settings, narrow: MediaQueryList) {
  const kept = {
    rail: () => settings.read<Kept>("rail", keptOf("rail"), { open: true, width: null }),
    detail: () => settings.read<Kept>("detail", keptOf("detail"), { open: false, width: null }),
  };
  const [rail, setRail] = createSignal(kept.rail());
  const [detail, setDetail] = createSignal(kept.detail());
  const [isNarrow, setNarrow] = createSignal(narrow.matches);
  const [sheet, setSheet] = createSignal(false);
  narrow.addEventListener("change", () => setNarrow(narrow.matches));
  settings.onAdopted(() => {
    setRail(kept.rail());
    setDetail(kept.detail());
  });

  function change(side: Side, by: Partial<Kept>): void {
    const next = { ...(side === "rail" ? rail() : detail()), ...by };
    if (side === "rail") setRail(next);
    else setDetail(next);
    settings.write(side, next);
  }

  return {
    railOpen: () => rail().open,
    showRail: (open: boolean) => change("rail", { open }),
    isNarrow,
    detailOpen: () => (isNarrow() ? sheet() : detail().open),
    showDetail: (open: boolean) => {
      if (isNarrow()) setSheet(open);
      else change("detail", { open });
    },
    /** Another view is gone to, which a sheet would hide. */
    leaveSheet: () => setSheet(false),
    detailWide: () => detail().wide === true,
    widenDetail: (wide: boolean) => change("detail", { wide }),
    /** In px; null is what is usual for the window. */
    width: (side: Side) => (side === "rail" ? rail() : detail()).width,
    /** Sets it within what is of use; null for the usual. */
    resize: (side: Side, width: number | null) => change(side, { width: width && within(side, width) }),
  };
}

export type Panels = ReturnType<typeof createPanels>;

export function within(side: Side, width: number): number {
  const { least, most } = WIDTHS[side];
  return Math.round(Math.min(most, Math.max(least, width)));
}

const keptOf =
  (side: Side) =>
  (value: unknown): Kept | null => {
    if (typeof value !== "object" || value === null) return null;
    const { open, width, wide } = value as Record<string, unknown>;
    return {
      open: open === true,
      width: typeof width === "number" && Number.isFinite(width) ? within(side, width) : null,
      wide: wide === true,
    };
  };
