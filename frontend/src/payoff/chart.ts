// The drawing of a payoff: two curves over the underlying's price as SVG, painted by hand. Colours come from the style sheet,
// so that both themes need no painting anew. Before: curve.ts; after: PayoffChart.
import { type Domain, linear, ticks } from "../plot/scale";
import type { CurvePoint } from "./curve";

export interface Picture {
  readonly prices: Domain;
  readonly profits: Domain;
  /** At the first expiry, and at the time that was chosen; empty where unknown. */
  readonly atExpiry: readonly CurvePoint[];
  readonly atTime: readonly CurvePoint[];
  readonly spot: number;
  readonly breakevens: readonly number[];
  readonly strikes: readonly number[];
  /** The price under the cursor, with the profits there. */
  readonly cursor: { readonly spot: number; readonly profits: readonly (number | null)[] } | null;
}

export interface Writing {
  readonly price: (value: number) => string;
  /** A round price of the axis. */
  readonly tick: (value: number) => string;
  readonly profit: (value: number) => string;
  /** What the axes are of, with their unit. */
  readonly names: { readonly price: string; readonly profit: string };
}

const NAMESPACE = "http://www.w3.org/2000/svg";
const MARGIN = { left: 66, right: 14, top: 24, bottom: 38 };
const PIXELS_A_PRICE = 84;
const PIXELS_A_PROFIT = 36;
/** A label needs so much of the axis for itself. */
const LABEL_WIDTH = 54;

let charts = 0;

export class PayoffDrawing {
  private readonly svg = element("svg", "payoff-svg");
  private readonly grid = element("g", "axis");
  private readonly above = element("rect", "");
  private readonly below = element("rect", "");
  private readonly gain = element("path", "gain");
  private readonly loss = element("path", "loss");
  private readonly zero = element("line", "zero");
  private readonly expiry = element("path", "at-expiry");
  private readonly time = element("path", "at-time");
  private readonly marks = element("g", "marks");
  private readonly cursor = element("g", "cursor");
  private width = 0;
  private height = 0;
  private picture: Picture | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly writing: () => Writing,
  ) {
    charts += 1;
    const clips = element("defs", "");
    for (const [part, name] of [
      [this.above, "gain"],
      [this.below, "loss"],
    ] as const) {
      const clip = element("clipPath", "");
      clip.id = `payoff-${name}-${charts}`;
      clip.append(part);
      clips.append(clip);
    }
    this.gain.setAttribute("clip-path", `url(#payoff-gain-${charts})`);
    this.loss.setAttribute("clip-path", `url(#payoff-loss-${charts})`);
    this.svg.setAttribute("aria-hidden", "true");
    this.svg.append(clips, this.grid, this.gain, this.loss, this.zero, this.time, this.expiry);
    this.svg.append(this.marks, this.cursor);
    host.append(this.svg);
  }

  draw(picture: Picture | null): void {
    this.picture = picture;
    this.paint();
  }

  resize(): void {
    this.width = this.host.clientWidth;
    this.height = this.host.clientHeight;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.paint();
  }

  /** The price at a place of the page. */
  priceAt(clientX: number): number | null {
    if (!this.picture || !this.width) return null;
    const { left, right } = MARGIN;
    const x = clientX - this.host.getBoundingClientRect().left;
    const part = Math.min(1, Math.max(0, (x - left) / (this.width - left - right)));
    const [low, high] = this.picture.prices;
    return low + part * (high - low);
  }

  private paint(): void {
    const { picture, width, height } = this;
    this.svg.toggleAttribute("hidden", !picture || !width);
    if (!picture || !width || height < MARGIN.top + MARGIN.bottom + 20) return;
    const right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    const x = linear(picture.prices, MARGIN.left, right);
    const y = linear(picture.profits, bottom, MARGIN.top);
    const floor = y(0);
    box(this.above, MARGIN.left, MARGIN.top, right, floor);
    box(this.below, MARGIN.left, floor, right, bottom);
    line(this.zero, MARGIN.left, floor, right, floor);
    const outline = pathOf(picture.atExpiry, x, y);
    this.expiry.setAttribute("d", outline);
    this.time.setAttribute("d", pathOf(picture.atTime, x, y));
    const first = picture.atExpiry[0];
    const last = picture.atExpiry.at(-1);
    const area =
      first && last && outline
        ? `${outline}L${pixel(x(last.spot))} ${pixel(floor)}L${pixel(x(first.spot))} ${pixel(floor)}Z`
        : "";
    this.gain.setAttribute("d", area);
    this.loss.setAttribute("d", area);
    this.paintAxes(picture, x, y, right, bottom);
    this.paintMarks(picture, x, right, bottom, floor);
    this.paintCursor(picture, x, y, bottom);
  }

  private paintAxes(
    picture: Picture,
    x: (value: number) => number,
    y: (value: number) => number,
    right: number,
    bottom: number,
  ): void {
    const { tick, profit, names } = this.writing();
    const parts: SVGElement[] = [
      label(MARGIN.left - 8, 12, names.profit, "end"),
      label(right, bottom + 32, names.price, "end"),
    ];
    for (const value of ticks(picture.profits, Math.max(2, (bottom - MARGIN.top) / PIXELS_A_PROFIT))) {
      if (value !== 0) parts.push(line(element("line", "grid-line"), MARGIN.left, y(value), right, y(value)));
      parts.push(label(MARGIN.left - 8, y(value) + 4, profit(value), "end"));
    }
    for (const value of ticks(picture.prices, Math.max(2, (right - MARGIN.left) / PIXELS_A_PRICE))) {
      parts.push(line(element("line", "grid-line"), x(value), MARGIN.top, x(value), bottom));
      parts.push(label(x(value), bottom + 16, tick(value), "middle"));
    }
    this.grid.replaceChildren(...parts);
  }

  private paintMarks(
    picture: Picture,
    x: (value: number) => number,
    right: number,
    bottom: number,
    floor: number,
  ): void {
    const { price } = this.writing();
    const parts: SVGElement[] = [];
    const isInside = (value: number) => value >= picture.prices[0] && value <= picture.prices[1];
    for (const strike of picture.strikes.filter(isInside)) {
      const at = x(strike);
      const mark = element("path", "strike-mark");
      mark.setAttribute("d", `M${pixel(at - 4)} ${pixel(bottom)}h8l-4 -6Z`);
      parts.push(mark);
    }
    if (isInside(picture.spot)) {
      const at = x(picture.spot);
      parts.push(line(element("line", "spot-line"), at, MARGIN.top, at, bottom));
      const place = Math.min(right - LABEL_WIDTH / 2, Math.max(MARGIN.left + LABEL_WIDTH / 2, at));
      parts.push(label(place, MARGIN.top - 7, price(picture.spot), "middle", "spot-label"));
    }
    let free = MARGIN.left;
    for (const value of picture.breakevens.filter(isInside)) {
      const dot = element("circle", "breakeven");
      dot.setAttribute("cx", pixel(x(value)));
      dot.setAttribute("cy", pixel(floor));
      dot.setAttribute("r", "3.5");
      parts.push(dot);
      // Two that are close have one label.
      if (x(value) - LABEL_WIDTH / 2 < free || x(value) + LABEL_WIDTH / 2 > right) continue;
      free = x(value) + LABEL_WIDTH / 2;
      const under = floor + 16 < bottom - 4 ? floor + 16 : floor - 8;
      parts.push(label(x(value), under, price(value), "middle", "breakeven-label"));
    }
    this.marks.replaceChildren(...parts);
  }

  private paintCursor(
    { cursor }: Picture,
    x: (value: number) => number,
    y: (value: number) => number,
    bottom: number,
  ): void {
    if (!cursor) {
      this.cursor.replaceChildren();
      return;
    }
    const at = x(cursor.spot);
    const parts: SVGElement[] = [line(element("line", "cursor-line"), at, MARGIN.top, at, bottom)];
    for (const [index, profit] of cursor.profits.entries()) {
      if (profit === null) continue;
      const dot = element("circle", index === 0 ? "cursor-expiry" : "cursor-time");
      dot.setAttribute("cx", pixel(at));
      dot.setAttribute("cy", pixel(y(profit)));
      dot.setAttribute("r", "4");
      parts.push(dot);
    }
    this.cursor.replaceChildren(...parts);
  }
}

function pathOf(
  points: readonly CurvePoint[],
  x: (value: number) => number,
  y: (value: number) => number,
): string {
  if (points.some(({ profit }) => !Number.isFinite(profit))) return "";
  return points
    .map(({ spot, profit }, index) => `${index ? "L" : "M"}${pixel(x(spot))} ${pixel(y(profit))}`)
    .join("");
}

function pixel(value: number): string {
  return value.toFixed(1);
}

function element<K extends keyof SVGElementTagNameMap>(name: K, className: string): SVGElementTagNameMap[K] {
  const made = document.createElementNS(NAMESPACE, name);
  if (className) made.setAttribute("class", className);
  return made;
}

function line<T extends SVGElement>(of: T, x1: number, y1: number, x2: number, y2: number): T {
  // On the middle of a pixel a line of one pixel is sharp.
  const sharp = (value: number) => String(Math.round(value) + 0.5);
  of.setAttribute("x1", sharp(x1));
  of.setAttribute("x2", sharp(x2));
  of.setAttribute("y1", sharp(y1));
  of.setAttribute("y2", sharp(y2));
  return of;
}

function box(of: SVGElement, left: number, top: number, right: number, bottom: number): void {
  of.setAttribute("x", pixel(left));
  of.setAttribute("y", pixel(top));
  of.setAttribute("width", pixel(Math.max(0, right - left)));
  of.setAttribute("height", pixel(Math.max(0, bottom - top)));
}

function label(x: number, y: number, text: string, anchor: string, className = "label"): SVGElement {
  const made = element("text", className);
  made.setAttribute("x", pixel(x));
  made.setAttribute("y", pixel(y));
  made.setAttribute("text-anchor", anchor);
  made.textContent = text;
  return made;
}
