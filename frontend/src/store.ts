// The latest row and the facts of every instrument, and every feed's status. Before: socket.ts; after: frame.ts, views.
import type { DayLine } from "./lists/dayLines";
import {
  type Columns,
  columnsOf,
  type Facts,
  type FeedStatus,
  type Message,
  type Refusal,
  type Row,
} from "./protocol";
import { MOST_RETAINED, Retained } from "./retained";

export interface StoreEvents {
  /** A newer row than the one held; `before` is that one. */
  onRow(id: number, row: Row, before: Row | undefined): void;
  onFacts(id: number): void;
  onStatus(status: FeedStatus): void;
  /** Ids that the server knows, and that have no value yet. */
  onEmpty(ids: readonly number[]): void;
  /** Whether the page subscribes that source; where nobody can say, it does. */
  isWanted?(source: string): boolean;
}

const WITHDRAWN: Readonly<Record<string, string>> = {
  retired: "Expired, or no longer listed at the venue",
  forbidden: "Not open to your account",
  not_streaming: "Not offered now: the administrator took it out",
};

/** So many symbols have a reason why they get no rows. */
const MOST_REFUSED = 1_000;

/** Of instruments that nothing subscribes any more it keeps the latest. */
export class Store {
  columns: Columns = columnsOf([]);
  readonly rows = new Map<number, Row>();
  readonly facts = new Map<number, Facts>();
  readonly feeds = new Map<string, FeedStatus>();
  /** The day's course of those of which it was asked for. */
  readonly days = new Map<number, DayLine>();
  /** The id of an instrument by `feed.symbol`, of all whose facts are known. */
  readonly ids = new Map<string, number>();
  /** Why a symbol of a source gets no rows, by symbol. */
  readonly refused = new Map<string, string>();
  /** The same by id, for instruments that the server cannot name. */
  readonly refusedIds = new Map<number, string>();
  readonly empty = new Set<number>();
  /** The names of a row's columns, in order. */
  fields: readonly string[] = [];

  private readonly retained: Retained;

  constructor(
    private readonly events: StoreEvents,
    most = MOST_RETAINED,
  ) {
    this.retained = new Retained((source) => events.isWanted?.(source) ?? true, most);
  }

  apply(message: Message): void {
    switch (message.op) {
      case "welcome":
        this.learnFields(message.fields);
        this.retained.forgetSources();
        for (const status of message.feeds) this.setStatus(status);
        break;
      case "subscribed":
        this.retained.follow(message);
        for (const [symbol, facts] of Object.entries(message.added)) {
          this.setFacts({ ...facts, symbol: bare(symbol, facts) });
          this.refused.delete(symbol);
          this.refusedIds.delete(facts.id);
        }
        for (const refusal of message.refused) this.refuse(refusal);
        for (const { id, code } of message.removed) this.withdraw(id, code);
        break;
      case "snapshot":
        this.applyRows(message.rows);
        if (message.empty?.length) {
          for (const id of message.empty) if (!this.rows.has(id)) this.empty.add(id);
          this.events.onEmpty(message.empty);
        }
        break;
      case "ticks":
        this.applyRows(message.rows);
        break;
      case "changed":
        for (const [id, facts] of Object.entries(message.instruments)) {
          this.setFacts({ ...this.facts.get(Number(id)), ...facts, id: Number(id) });
        }
        break;
      case "status":
        this.setStatus(message);
        break;
    }
  }

  /** Facts from the stream or from a search; the stream's come last and win. */
  setFacts(facts: Facts): void {
    this.facts.set(facts.id, facts);
    this.keep(facts.id);
    if (facts.symbol) this.ids.set(`${facts.feed}.${facts.symbol}`, facts.id);
    this.events.onFacts(facts.id);
  }

  private refuse({ symbol, id, message }: Refusal): void {
    this.refused.delete(symbol);
    this.refused.set(symbol, message);
    const [oldest] = this.refused.keys();
    if (this.refused.size > MOST_REFUSED && oldest !== undefined) this.refused.delete(oldest);
    if (id == null) return;
    this.refusedIds.set(id, message);
    this.keep(id);
  }

  /** Something of that instrument is held now; of what that makes too many, nothing any more. */
  private keep(kept: number): void {
    this.retained.add(kept);
    for (const id of this.retained.takeExcess()) {
      const { feed, symbol } = this.facts.get(id) ?? {};
      if (this.ids.get(`${feed}.${symbol}`) === id) this.ids.delete(`${feed}.${symbol}`);
      for (const held of [this.rows, this.facts, this.days, this.refusedIds]) held.delete(id);
      this.empty.delete(id);
    }
  }

  /** Why an instrument gets no rows, or undefined. */
  refusal(feed: string, symbol: string, id: number): string | undefined {
    return this.refusedIds.get(id) ?? this.refused.get(symbol) ?? this.refused.get(`${feed}.${symbol}`);
  }

  /** The administrator took an instrument away: its last row must not look like a price of now. */
  private withdraw(id: number, code: string): void {
    const reason = WITHDRAWN[code];
    if (!reason) return;
    this.refusedIds.set(id, reason);
    this.rows.delete(id);
    this.events.onFacts(id);
  }

  /** Rows from elsewhere than the stream; those that are not newer than what is held change nothing. */
  seed(rows: readonly Row[]): void {
    this.applyRows(rows);
  }

  private applyRows(rows: readonly Row[]): void {
    const { id: idColumn, seq: seqColumn } = this.columns;
    for (const row of rows) {
      const id = row[idColumn];
      const seq = row[seqColumn];
      if (id == null || seq == null) continue;
      const held = this.rows.get(id);
      // Rows of an instrument never go backwards, whatever order frames came in.
      if (held && (held[seqColumn] ?? 0) >= seq) continue;
      this.rows.set(id, row);
      if (!held) this.keep(id);
      this.empty.delete(id);
      this.events.onRow(id, row, held);
    }
  }

  private learnFields(fields: readonly string[]): void {
    // Rows held in another order of columns can no longer be read; the snapshot brings them anew.
    if (this.fields.length && this.fields.join() !== fields.join()) this.rows.clear();
    this.fields = fields;
    this.columns = columnsOf(fields);
  }

  private setStatus(status: FeedStatus): void {
    this.feeds.set(status.feed, status);
    this.events.onStatus(status);
  }
}

/** The symbol alone: where two feeds have it, the stream's key is `feed.symbol`. */
function bare(key: string, facts: Facts): string {
  return key.startsWith(`${facts.feed}.`) ? key.slice(facts.feed.length + 1) : key;
}
