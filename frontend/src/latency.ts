// How long rows are under way, over the last ten seconds. Before: store.ts, frame.ts; after: views.
import { median } from "./clock";

const WINDOW_MS = 10_000;
/** More would cost and tell nothing; beyond it every other sample goes. */
const MOST_SAMPLES = 2000;

export interface Readout {
  /** Medians in ms, or null without a sample. */
  readonly venue_to_ingest_ms: number | null;
  readonly server_to_screen_ms: number | null;
  readonly rows_per_second: number;
}

interface Sample {
  readonly at: number;
  readonly value: number;
}

export class LatencyMeter {
  private lags: Sample[] = [];
  private screens: Sample[] = [];
  private rows: Sample[] = [];

  /** A frame of `lags.length` rows arrived at `now`. */
  arrived(lags: readonly number[], now: number): void {
    for (const value of lags) this.lags.push({ at: now, value });
    this.rows.push({ at: now, value: lags.length });
    if (this.lags.length > MOST_SAMPLES) this.lags = this.lags.filter((_, index) => index % 2);
  }

  /** Rows sent `value` ms ago were drawn at `now`. */
  drawn(value: number, now: number): void {
    this.screens.push({ at: now, value: Math.max(0, value) });
  }

  read(now: number): Readout {
    const recent = (samples: Sample[]) => samples.filter((sample) => now - sample.at <= WINDOW_MS);
    this.lags = recent(this.lags);
    this.screens = recent(this.screens);
    this.rows = recent(this.rows);
    const span = Math.max(1000, Math.min(WINDOW_MS, now - (this.rows[0]?.at ?? now)));
    return {
      venue_to_ingest_ms: p50(this.lags),
      server_to_screen_ms: p50(this.screens),
      rows_per_second: this.rows.reduce((sum, sample) => sum + sample.value, 0) / (span / 1000),
    };
  }
}

function p50(samples: readonly Sample[]): number | null {
  return samples.length ? median(samples.map((sample) => sample.value)) : null;
}
