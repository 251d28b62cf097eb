// A plot of lines or bars with axes and a cursor, as SVG. The cursor follows the pointer; with the focus on the plot the arrow
// keys move it, and what stands there is told as the value of a slider, so that a screen reader reads it.
import { createMemo, createSignal, For, Index, type JSX, onCleanup, onMount, Show } from "solid-js";
import { type Domain, linear, nearest, ticks } from "./scale";
import "./plot.css";

export interface PlotPoint {
  readonly x: number;
  /** Null is a gap. */
  readonly y: number | null;
  readonly low?: number | null;
  readonly high?: number | null;
}

export interface PlotLine {
  readonly name: string;
  /** Which of the six colours and dashes, from 0. */
  readonly style: number;
  readonly points: readonly PlotPoint[];
  /** Bars stand on zero; points of `line` are joined. */
  readonly drawing?: "line" | "bars";
}

export interface PlotAxis {
  readonly label: string;
  readonly domain: Domain;
  readonly write: (value: number) => string;
  /** Where marks stand; round numbers unless told. */
  readonly ticks?: readonly number[];
  /** Values are spread by this: the root of days, say. As they are unless told. */
  readonly spread?: (value: number) => number;
}

export interface PlotMark {
  readonly x: number;
  readonly text: string;
}

const [LEFT, RIGHT, TOP, BOTTOM] = [52, 14, 18, 34];
const MANY_POINTS = 60;
const PAGE = 10;

export function Plot(props: {
  label: string;
  x: PlotAxis;
  y: PlotAxis;
  lines: readonly PlotLine[];
  marks?: readonly PlotMark[];
  /** What is said of the values at the cursor. */
  readout: (x: number) => string;
  /** What is said while there is no cursor. */
  rest: string;
  testid?: string;
  children?: JSX.Element;
}) {
  let host!: HTMLDivElement;
  const [size, setSize] = createSignal<readonly [number, number]>([640, 300]);
  const [cursor, setCursor] = createSignal<number | null>(null);
  onMount(() => {
    const measure = () => setSize([Math.max(200, host.clientWidth), Math.max(140, host.clientHeight)]);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(host);
    onCleanup(() => observer.disconnect());
  });

  const isWithin = (value: number) => value >= props.x.domain[0] && value <= props.x.domain[1];
  const spread = (axis: PlotAxis) => axis.spread ?? ((value: number) => value);
  const place = (axis: PlotAxis, from: number, to: number) => {
    const by = spread(axis);
    const scale = linear([by(axis.domain[0]), by(axis.domain[1])], from, to);
    return (value: number) => Math.round(scale(by(value)) * 10) / 10;
  };
  const x = createMemo(() => place(props.x, LEFT, size()[0] - RIGHT));
  const y = createMemo(() => place(props.y, size()[1] - BOTTOM, TOP));
  const xTicks = createMemo(() => {
    const [low, high] = props.x.domain;
    const all = props.x.ticks ?? ticks(props.x.domain, Math.max(2, (size()[0] - LEFT - RIGHT) / 90));
    let before = Number.NEGATIVE_INFINITY;
    // Marks that would touch the one before are left out.
    return all.filter((one) => {
      if (one < low || one > high || x()(one) - before < 34) return false;
      before = x()(one);
      return true;
    });
  });
  const yTicks = createMemo(
    () => props.y.ticks ?? ticks(props.y.domain, Math.max(2, (size()[1] - TOP - BOTTOM) / 46)),
  );
  const places = createMemo(() => {
    const all = new Set(
      props.lines.flatMap((line) => line.points.map((point) => point.x)).filter((one) => isWithin(one)),
    );
    return [...all].sort((a, b) => a - b);
  });
  /** The place of the values that is nearest to where the cursor was put. */
  const at = createMemo(() => {
    const wanted = cursor();
    if (wanted === null || !places().length) return null;
    return places()[nearest(places(), wanted)]!;
  });
  const text = () => {
    const now = at();
    return now === null ? props.rest : props.readout(now);
  };

  const onPointer = (event: PointerEvent) => {
    const pixel = event.clientX - host.getBoundingClientRect().left;
    const found = nearest(places().map(x()), pixel);
    setCursor(found < 0 ? null : places()[found]!);
  };
  const onKey = (event: KeyboardEvent) => {
    const last = places().length - 1;
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = at() === null ? null : places().indexOf(at()!);
    const middle = Math.floor(last / 2);
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: (now ?? middle + 1) - 1,
      ArrowRight: (now ?? middle - 1) + 1,
      PageUp: (now ?? middle) + PAGE,
      PageDown: (now ?? middle) - PAGE,
      Home: 0,
      End: last,
    };
    const wanted = steps[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    setCursor(places()[Math.min(last, Math.max(0, wanted))]!);
  };

  return (
    <figure class="plot" data-testid={props.testid}>
      <figcaption class="plot-readout" data-testid="readout">
        {text()}
      </figcaption>
      <div
        class="plot-host"
        ref={host}
        role="slider"
        tabIndex={0}
        aria-label={props.label}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, places().length - 1)}
        aria-valuenow={at() === null ? 0 : places().indexOf(at()!)}
        aria-valuetext={text()}
        onPointerMove={onPointer}
        onPointerDown={onPointer}
        onPointerLeave={(event) => event.pointerType === "mouse" && setCursor(null)}
        onKeyDown={onKey}
        onBlur={() => setCursor(null)}
      >
        <svg width={size()[0]} height={size()[1]} aria-hidden="true">
          <For each={yTicks()}>
            {(value) => (
              <>
                <line
                  class="plot-grid"
                  classList={{ zero: value === 0 }}
                  x1={LEFT}
                  x2={size()[0] - RIGHT}
                  y1={y()(value)}
                  y2={y()(value)}
                />
                <text class="plot-tick" x={LEFT - 8} y={y()(value) + 4} text-anchor="end">
                  {props.y.write(value)}
                </text>
              </>
            )}
          </For>
          <For each={xTicks()}>
            {(value) => (
              <text class="plot-tick" x={x()(value)} y={size()[1] - BOTTOM + 15} text-anchor="middle">
                {props.x.write(value)}
              </text>
            )}
          </For>
          <text class="plot-label" x={2} y={11}>
            {props.y.label}
          </text>
          <text class="plot-label" x={size()[0] - RIGHT} y={size()[1] - 4} text-anchor="end">
            {props.x.label}
          </text>
          <For each={(props.marks ?? []).filter((mark) => isWithin(mark.x))}>
            {(mark, index) => (
              <>
                <line
                  class="plot-mark"
                  x1={x()(mark.x)}
                  x2={x()(mark.x)}
                  y1={TOP + 12 * index()}
                  y2={size()[1] - BOTTOM}
                />
                <text
                  class="plot-label"
                  x={x()(mark.x) + (isRight(mark.x) ? -5 : 5)}
                  y={TOP + 9 + 12 * index()}
                  text-anchor={isRight(mark.x) ? "end" : "start"}
                >
                  {mark.text}
                </text>
              </>
            )}
          </For>
          <Index each={props.lines}>
            {(line) => (
              <g class={`plot-line style-${line().style % 6}`} data-name={line().name}>
                <Show
                  when={line().drawing === "bars"}
                  fallback={
                    <>
                      <path class="band" d={bandOf(line().points, x(), y())} />
                      <path class="whisker" d={whiskersOf(line().points, x(), y())} />
                      <path class="stroke" d={pathOf(line().points, x(), y())} />
                      <Show when={line().points.length <= MANY_POINTS}>
                        <path class="dot" d={dotsOf(line().points, x(), y())} />
                      </Show>
                    </>
                  }
                >
                  <path class="bars" d={barsOf(line().points, x(), y(), barWidth())} />
                </Show>
              </g>
            )}
          </Index>
          <Show when={at() !== null}>
            <line class="plot-cursor" x1={x()(at()!)} x2={x()(at()!)} y1={TOP} y2={size()[1] - BOTTOM} />
            <For each={props.lines}>
              {(line) => (
                <For each={line.points.filter((point) => point.x === at() && point.y !== null)}>
                  {(point) => (
                    <circle
                      class={`plot-held style-${line.style % 6}`}
                      cx={x()(point.x)}
                      cy={y()(point.y!)}
                      r={4}
                    />
                  )}
                </For>
              )}
            </For>
          </Show>
        </svg>
        {props.children}
      </div>
    </figure>
  );

  function isRight(value: number): boolean {
    return x()(value) > size()[0] * 0.7;
  }

  /** Bars do not touch: of the two nearest places, three fifths of what lies between. */
  function barWidth(): number {
    const pixels = places().map(x());
    let least = 24;
    for (let one = 1; one < pixels.length; one += 1) least = Math.min(least, pixels[one]! - pixels[one - 1]!);
    return Math.max(1, least * 0.7);
  }
}

type Place = (value: number) => number;

function pathOf(points: readonly PlotPoint[], x: Place, y: Place): string {
  let isJoined = false;
  let path = "";
  for (const point of points) {
    if (point.y === null) {
      isJoined = false;
      continue;
    }
    path += `${isJoined ? "L" : "M"}${x(point.x)} ${y(point.y)}`;
    isJoined = true;
  }
  return path;
}

/** What lies between low and high, wherever two neighbours have both. */
function bandOf(points: readonly PlotPoint[], x: Place, y: Place): string {
  let path = "";
  for (const [index, to] of points.entries()) {
    const from = points[index - 1];
    if (!from || !isWhole(from) || !isWhole(to)) continue;
    path += `M${x(from.x)} ${y(from.low)}L${x(to.x)} ${y(to.low)}L${x(to.x)} ${y(to.high)}L${x(from.x)} ${y(from.high)}Z`;
  }
  return path;
}

function whiskersOf(points: readonly PlotPoint[], x: Place, y: Place): string {
  return points
    .filter(isWhole)
    .map((point) => `M${x(point.x)} ${y(point.low)}V${y(point.high)}`)
    .join("");
}

function dotsOf(points: readonly PlotPoint[], x: Place, y: Place): string {
  return points.map((point) => (point.y === null ? "" : `M${x(point.x)} ${y(point.y)}h0`)).join("");
}

function barsOf(points: readonly PlotPoint[], x: Place, y: Place, width: number): string {
  return points
    .map((point) => (point.y ? `M${x(point.x) - width / 2} ${y(0)}h${width}V${y(point.y)}h${-width}Z` : ""))
    .join("");
}

function isWhole(point: PlotPoint): point is PlotPoint & { readonly low: number; readonly high: number } {
  return point.low != null && point.high != null;
}
