// The drawing of a chart: bars in, canvas out. The only module that knows the library, which is loaded when first needed.
import type {
  CandlestickData,
  IChartApi,
  ISeriesApi,
  LineData,
  MouseEventParams,
  Time,
  UTCTimestamp,
  WhitespaceData,
} from "lightweight-charts";
import { minuteTime, written } from "../times";
import type { Bar, Interval, Price } from "./series";

type Library = typeof import("lightweight-charts");
type Point = CandlestickData<UTCTimestamp> | LineData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;

export type Drawing = "candles" | "line";

export interface Look {
  readonly price: Price;
  readonly drawing: Drawing;
  readonly interval: Interval;
  /** How prices are written, and their smallest step. */
  readonly write: (value: number) => string;
  readonly step: number;
}

export interface PlotEvents {
  /** The first bars are in sight. */
  onOlder(): void;
  /** The bar under the pointer, or null. */
  onHover(bar: Bar | null): void;
}

/** At first sight a bar has so many pixels, and there is room for so many bars at least. */
const BAR_WIDTH = 6;
const LEAST_BARS = 24;
const NEAR_THE_BEGINNING = 30;
const TYPE_SIZE = 11;

export class Plot {
  private readonly chart: IChartApi;
  private line: ISeriesApi<"Candlestick"> | ISeriesApi<"Line"> | null = null;
  private bars: readonly Bar[] = [];
  private readonly byStart = new Map<number, Bar>();
  private isPlaced = false;

  static async load(
    host: HTMLElement,
    look: Look,
    events: PlotEvents,
    stillWanted: () => boolean,
  ): Promise<Plot | null> {
    const library = await import("lightweight-charts");
    return stillWanted() ? new Plot(library, host, look, events) : null;
  }

  private constructor(
    private readonly library: Library,
    private readonly host: HTMLElement,
    private look: Look,
    events: PlotEvents,
  ) {
    this.chart = library.createChart(host, {
      autoSize: true,
      // The page names and links the library under the chart; its logo would come with a style that our policy refuses.
      layout: { attributionLogo: false, fontSize: TYPE_SIZE, fontFamily: getComputedStyle(host).fontFamily },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.06 }, minimumWidth: 52 },
      timeScale: {
        borderVisible: false,
        rightOffset: 4,
        timeVisible: true,
        secondsVisible: false,
        minBarSpacing: 0.4,
        tickMarkFormatter: (time: Time, kind: number) => this.mark(time as number, kind),
      },
      localization: { timeFormatter: (time: Time) => this.when(time as number) },
      handleScale: { axisPressedMouseMove: { price: false } },
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && this.isPlaced && range.from < NEAR_THE_BEGINNING) events.onOlder();
    });
    this.chart.subscribeCrosshairMove((at: MouseEventParams<Time>) => {
      events.onHover(at.time === undefined ? null : (this.byStart.get(at.time as number) ?? null));
    });
    this.paint();
    this.begin();
  }

  /** Draws all of them anew. */
  draw(bars: readonly Bar[]): void {
    this.bars = bars;
    this.byStart.clear();
    for (const bar of bars) this.byStart.set(bar.starts_s, bar);
    this.line?.setData(bars.map((bar) => this.point(bar)) as never);
    if (this.isPlaced || !bars.length) return;
    this.isPlaced = true;
    const shown = Math.max(LEAST_BARS, Math.min(bars.length, Math.floor(this.host.clientWidth / BAR_WIDTH)));
    this.chart.timeScale().setVisibleLogicalRange({ from: bars.length - shown, to: bars.length + 3 });
  }

  /** Draws the newest bar, where only that one is new or other than before. */
  drawNewest(bars: readonly Bar[]): void {
    const bar = bars.at(-1);
    if (!bar) return;
    if (!this.isPlaced) {
      this.draw(bars);
      return;
    }
    this.bars = bars;
    this.byStart.set(bar.starts_s, bar);
    this.line?.update(this.point(bar) as never);
  }

  /** Takes another price, drawing or way of writing; what part of the time is in sight stays. */
  change(look: Look): void {
    const other = look.drawing !== this.look.drawing;
    this.look = look;
    if (other) this.begin();
    else this.line?.applyOptions({ priceFormat: this.format() });
    this.draw(this.bars);
  }

  /** The theme's colours, as the page shows them now. */
  paint(): void {
    const colour = (name: string) => this.colour(name);
    const faint = colour("--faint");
    const line = colour("--line");
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: colour("--muted") },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      crosshair: {
        vertLine: { color: faint, labelBackgroundColor: colour("--accent") },
        horzLine: { color: faint, labelBackgroundColor: colour("--accent") },
      },
    });
    this.paintLine();
  }

  remove(): void {
    this.chart.remove();
  }

  private begin(): void {
    if (this.line) this.chart.removeSeries(this.line);
    const { CandlestickSeries, LineSeries } = this.library;
    const options = { priceFormat: this.format(), priceLineVisible: true, lastValueVisible: true } as const;
    this.line =
      this.look.drawing === "candles"
        ? this.chart.addSeries(CandlestickSeries, options)
        : this.chart.addSeries(LineSeries, { ...options, lineWidth: 2 });
    this.paintLine();
  }

  private paintLine(): void {
    const up = this.colour("--up");
    const down = this.colour("--down");
    this.line?.applyOptions(
      this.look.drawing === "candles"
        ? {
            upColor: up,
            downColor: down,
            wickUpColor: up,
            wickDownColor: down,
            borderVisible: false,
          }
        : ({ color: this.colour("--accent") } as never),
    );
  }

  private format() {
    return { type: "custom", formatter: this.look.write, minMove: this.look.step } as const;
  }

  /** A bar without that price keeps its place, empty. */
  private point(bar: Bar): Point {
    const time = bar.starts_s as UTCTimestamp;
    const prices = bar[this.look.price];
    if (!prices) return { time };
    return this.look.drawing === "candles" ? { time, ...prices } : { time, value: prices.close };
  }

  /** Canvas knows no `light-dark()`: the browser is asked what a colour comes to. */
  private colour(name: string): string {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    this.host.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  /** A mark of the time axis, in the reader's zone; days are the exchange's. */
  private mark(seconds: number, kind: number): string {
    const { Year, Month, DayOfMonth } = this.library.TickMarkType;
    const at = seconds * 1000;
    if (this.look.interval === "1d") {
      const day = this.dayOf(seconds);
      if (kind === Year) return written(day, { year: "numeric", timeZone: "UTC" });
      if (kind === Month) return written(day, { month: "short", timeZone: "UTC" });
      return written(day, { day: "numeric", month: "short", timeZone: "UTC" });
    }
    const time = minuteTime(at);
    if (kind !== Year && kind !== Month && kind !== DayOfMonth) return time;
    const day = written(at, { day: "numeric", month: "short" });
    return time.startsWith("00:") ? day : `${day} ${time}`;
  }

  private when(seconds: number): string {
    if (this.look.interval === "1d") return written(this.dayOf(seconds), { ...DAY, timeZone: "UTC" });
    return written(seconds * 1000, { ...DAY, hour: "2-digit", minute: "2-digit" });
  }

  private dayOf(seconds: number): number {
    const day = this.byStart.get(seconds)?.day;
    return day ? Date.parse(day) : seconds * 1000;
  }
}

const DAY = { weekday: "short", day: "numeric", month: "short" } as const;
