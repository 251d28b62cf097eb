// The stream's connection: the only module that knows WebSocket. It connects, comes back by itself, replays what was
// subscribed, measures the server's clock and notices silence. After: store.ts.
import { ourNow, ServerClock } from "./clock";
import { CloseCode, type Message, SUBPROTOCOL, type Subscription, type WireMessage } from "./protocol";

export type Connection =
  | { readonly phase: "connecting" }
  | { readonly phase: "open" }
  | { readonly phase: "silent"; readonly since_ms: number }
  | { readonly phase: "waiting"; readonly until_ms: number; readonly reason: string }
  | { readonly phase: "signed_out" }
  | { readonly phase: "refused"; readonly reason: string };

/** The page promises to say so within 3 s; the server promises a frame a second. */
export const SILENT_AFTER_MS = 2500;
/** A frame is overdue: ask. With nothing subscribed this is also what keeps frames coming. */
const ASK_AFTER_MS = 1200;
/** A connection silent for so long is taken for dead, and another is made. */
const DEAD_AFTER_MS = 7000;
const CONNECT_WITHIN_MS = 8000;
const WATCH_EVERY_MS = 250;
const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 10_000;
const PING_EVERY_MS = 10_000;
const FIRST_PINGS = 5;
const FIRST_PING_EVERY_MS = 150;
/** Two reasons for a wait that the page has words for; any other is the server's own text, or nothing. */
export const TOO_MANY = "too many";
export const RESTARTING = "restarting";
/** A server with more to do gives a slower one, to 50 and beyond, and says so. */
const VISIBLE_INTERVAL_MS = 10;
const HIDDEN_INTERVAL_MS = 1000;
/** Hidden for so long, a tab wants no rows at all: with twenty tabs open the server works for the one that is looked at. */
export const REST_AFTER_MS = 10_000;
/** The server takes 60 messages in 10 s and refuses the rest. Of changes of what is subscribed so many go at once, and then
 * one in so long, which with pings stays well below: a held key that goes through expiries asks for those it stops at. */
const CHANGES_AT_ONCE = 12;
const CHANGE_EVERY_MS = 320;

/** How long to wait before attempt `failures` (from 1): doubling, capped at 10 s, between half and all of it by chance. */
export function reconnectDelay(failures: number, random: () => number = Math.random): number {
  const whole = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 10));
  return whole * (0.5 + random() / 2);
}

export interface SocketEvents {
  onMessage(message: Message): void;
  onConnection(connection: Connection): void;
}

export class StreamSocket {
  readonly clock = new ServerClock();
  private socket: WebSocket | null = null;
  private state: Connection = { phase: "connecting" };
  private subscriptions = new Map<string, Subscription>();
  /** Sources that are another than the server knows them as, in the order in which they changed. */
  private changed = new Set<string>();
  /** Sources that the server knows. */
  private told = new Set<string>();
  private changesLeft = CHANGES_AT_ONCE;
  private changesCountedAt = 0;
  private tellTimer: ReturnType<typeof setTimeout> | undefined;
  private sentPings = new Map<number, number>();
  private nextId = 1;
  private failures = 0;
  private startedAt = 0;
  private lastFrameAt = 0;
  private askedAt = 0;
  private welcomed = false;
  private closing: { code: number; reason: string; reconnect_ms?: number | null } | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setTimeout> | undefined;
  private watchTimer: ReturnType<typeof setInterval> | undefined;
  private stopped = true;
  private watchingFeeds = false;
  private restTimer: ReturnType<typeof setTimeout> | undefined;
  /** Hidden for long: nothing is subscribed, but what will be again is kept. */
  private resting = false;
  /** The request that took all subscriptions back: its answers are no news. */
  private restId = 0;

  constructor(
    private readonly url: string,
    private readonly events: SocketEvents,
  ) {}

  get connection(): Connection {
    return this.state;
  }

  start(): void {
    this.stopped = false;
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.onVisibility);
    this.watchTimer = setInterval(() => this.watch(), WATCH_EVERY_MS);
    if (document.visibilityState === "hidden") this.restSoon();
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearInterval(this.watchTimer);
    clearTimeout(this.restTimer);
    this.drop();
  }

  /** From now on, also after every reconnect, `source` is exactly this. */
  subscribe(subscription: Subscription): void {
    this.subscriptions.set(subscription.source, subscription);
    this.change(subscription.source);
  }

  /** Whether it is subscribed, or will be once there is a connection. */
  wants(source: string): boolean {
    return this.subscriptions.has(source);
  }

  unsubscribe(source: string): void {
    if (this.subscriptions.delete(source)) this.change(source);
  }

  /** The source is told as it is when its turn comes; what came and went in the meantime is not told at all. */
  private change(source: string): void {
    this.changed.delete(source);
    if (this.subscriptions.has(source) || this.told.has(source)) this.changed.add(source);
    this.tell();
  }

  /** The server knows of no source: all are to be told. */
  private tellAll(): void {
    this.told.clear();
    this.changed = new Set(this.subscriptions.keys());
    this.tell();
  }

  private tell(): void {
    if (!this.welcomed || this.resting || this.tellTimer !== undefined) return;
    const now = ourNow();
    const earned = (now - this.changesCountedAt) / CHANGE_EVERY_MS;
    this.changesLeft = Math.min(CHANGES_AT_ONCE, this.changesLeft + earned);
    this.changesCountedAt = now;
    for (const source of this.changed) {
      if (this.changesLeft < 1) {
        this.tellTimer = setTimeout(
          () => {
            this.tellTimer = undefined;
            this.tell();
          },
          (1 - this.changesLeft) * CHANGE_EVERY_MS + 1,
        );
        return;
      }
      this.changesLeft -= 1;
      this.changed.delete(source);
      const subscription = this.subscriptions.get(source);
      if (subscription) {
        this.told.add(source);
        this.send({ op: "subscribe", id: this.nextId++, ...subscription, replace: true });
      } else {
        this.told.delete(source);
        this.send({ op: "unsubscribe", id: this.nextId++, source });
      }
    }
  }

  /** From now on, also after every reconnect, say each second how the feeds' ingest works; for administrators. */
  watchFeeds(): void {
    this.watchingFeeds = true;
    this.send({ op: "watch_feeds", id: this.nextId++ });
  }

  /** Connect at once if a wait is going on: the network is back, the tab is looked at, or the user asked. */
  readonly hurry = (): void => {
    // A server that has too many of us means what it says.
    if (this.state.phase !== "waiting" || this.state.reason === TOO_MANY) return;
    this.connect();
  };

  private readonly onVisibility = (): void => {
    this.configure();
    if (document.visibilityState === "visible") {
      this.wake();
      this.hurry();
      this.watch();
    } else this.restSoon();
  };

  private restSoon(): void {
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => {
      this.resting = true;
      this.restId = this.nextId++;
      if (this.told.size) this.send({ op: "unsubscribe", id: this.restId, all: true });
    }, REST_AFTER_MS);
  }

  /** Asks anew for everything: what comes is the newest, as after a break of the connection. */
  private wake(): void {
    clearTimeout(this.restTimer);
    if (!this.resting) return;
    this.resting = false;
    // Nobody asked for frames meanwhile: only from now on is silence a sign.
    this.lastFrameAt = ourNow();
    this.tellAll();
    this.ping();
  }

  private connect(): void {
    this.drop();
    this.welcomed = false;
    this.closing = null;
    this.startedAt = ourNow();
    this.to({ phase: "connecting" });
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    this.socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => this.receive(event.data);
    socket.onclose = (event: CloseEvent) => this.closed(event.code, event.reason);
  }

  /** Forget the present socket, so that nothing it still says is heard. */
  private drop(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.pingTimer);
    clearTimeout(this.tellTimer);
    this.tellTimer = undefined;
    this.sentPings.clear();
    if (!this.socket) return;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private receive(text: string): void {
    this.lastFrameAt = ourNow();
    const message = JSON.parse(text) as WireMessage;
    // A welcome alone proves little: only what comes after it shows that the server does its work.
    const phase = this.state.phase;
    if (phase === "silent" || (phase === "connecting" && this.welcomed && message.op !== "closing")) {
      this.to({ phase: "open" });
    }
    switch (message.op) {
      case "ping":
        // The frames before this one were handled above, in order: their rows are in the store.
        this.send({ op: "pong", n: message.n });
        return;
      case "pong":
        this.measured(message.id, message.time_ms);
        return;
      case "subscribed":
        if (this.restId && message.id === this.restId) return;
        break;
      case "closing":
        this.closing = message;
        return;
      case "welcome":
        this.welcome(message.time_ms);
        break;
      case "snapshot":
      case "ticks":
      case "status":
      case "feed":
      case "history":
        this.failures = 0;
        break;
    }
    this.events.onMessage(message);
    if (message.op === "welcome") this.afterWelcome();
  }

  private welcome(time_ms: number): void {
    this.welcomed = true;
    this.changesLeft = CHANGES_AT_ONCE;
    this.changesCountedAt = ourNow();
    this.clock.forget();
    this.clock.guess(time_ms);
  }

  private afterWelcome(): void {
    this.configure();
    this.tellAll();
    if (this.watchingFeeds) this.watchFeeds();
    this.pingSeveral(FIRST_PINGS);
  }

  private closed(code: number, reason: string): void {
    this.socket = null;
    clearTimeout(this.pingTimer);
    const said = this.closing;
    const effective = said?.code ?? code;
    const why = said?.reason || reason;
    if (effective === CloseCode.signedOut) {
      // Who was in may have a new session by now: a changed password ends the old one in every tab. Asking once tells.
      if (this.welcomed) this.wait(reconnectDelay(1), why);
      else this.to({ phase: "signed_out" });
      return;
    }
    if (effective === CloseCode.forbidden) {
      this.to({ phase: "refused", reason: why });
      return;
    }
    this.failures += 1;
    const delay = said?.reconnect_ms || reconnectDelay(this.failures);
    if (effective === CloseCode.tooMany) this.wait(delay, TOO_MANY);
    else this.wait(delay, effective === CloseCode.restarting ? RESTARTING : why);
  }

  private wait(delay: number, reason: string): void {
    if (this.stopped) return;
    this.to({ phase: "waiting", until_ms: ourNow() + delay, reason });
    this.retryTimer = setTimeout(() => this.connect(), delay);
  }

  /** Looks four times a second whether the connection still lives. */
  private watch(): void {
    const now = ourNow();
    const phase = this.state.phase;
    if (phase === "connecting" && now - this.startedAt > CONNECT_WITHIN_MS) this.abandon("no answer");
    if (this.resting || (phase !== "open" && phase !== "silent")) return;
    const quiet = now - this.lastFrameAt;
    if (quiet > DEAD_AFTER_MS) {
      this.abandon("no answer");
      return;
    }
    if (quiet > ASK_AFTER_MS && now - this.askedAt > ASK_AFTER_MS) {
      this.askedAt = now;
      this.ping();
    }
    if (quiet > SILENT_AFTER_MS && phase === "open") {
      this.to({ phase: "silent", since_ms: this.lastFrameAt });
    }
  }

  private abandon(reason: string): void {
    this.drop();
    this.failures += 1;
    this.wait(reconnectDelay(this.failures), reason);
  }

  private pingSeveral(left: number): void {
    this.ping();
    this.pingTimer = setTimeout(
      () => this.pingSeveral(Math.max(0, left - 1)),
      left > 1 ? FIRST_PING_EVERY_MS : PING_EVERY_MS,
    );
  }

  private ping(): void {
    const id = this.nextId++;
    this.sentPings.set(id, ourNow());
    this.send({ op: "ping", id });
  }

  private measured(id: number | string | null | undefined, server: number): void {
    const sent = this.sentPings.get(Number(id));
    if (sent === undefined) return;
    this.sentPings.delete(Number(id));
    this.clock.sample(sent, server, ourNow());
  }

  private configure(): void {
    const visible = document.visibilityState === "visible";
    this.send({ op: "configure", interval_ms: visible ? VISIBLE_INTERVAL_MS : HIDDEN_INTERVAL_MS });
  }

  private send(message: Record<string, unknown>): void {
    if (this.welcomed && this.socket?.readyState === WebSocket.OPEN)
      this.socket.send(JSON.stringify(message));
  }

  private to(state: Connection): void {
    this.state = state;
    this.events.onConnection(state);
  }
}
