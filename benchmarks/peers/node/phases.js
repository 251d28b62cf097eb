// The beat of Strikewire, in JavaScript: the newest row of each symbol is kept once, sockets are spread over the phases of a
// beat, and each gets one frame of what changed; with a beat of 0, at the end of each turn of the loop. The sockets are those of
// whichever library.
import { Redis } from "ioredis";

const PHASES = 10;

export class Phases {
  constructor() {
    this.redis = new Redis(process.env.REDIS_URL);
    this.latest = new Map(); // channel -> row
    this.known = new Set();
    this.phases = Array.from({ length: PHASES }, () => ({ dirty: new Set(), clients: new Set() }));
    this.next = 0;
    this.beat = undefined;
    this.soon = false;
    this.redis.on("message", (channel, row) => {
      this.latest.set(channel, row);
      for (const phase of this.phases) phase.dirty.add(channel);
      if (this.beat === 0 && !this.soon) {
        this.soon = true;
        setImmediate(() => this.flushAll());
      }
    });
  }

  configure(beat) {
    if (beat === this.beat) return;
    this.beat = beat;
    clearInterval(this.timer);
    if (beat === 0) return; // at the end of the loop's turn: see above
    let turn = 0;
    this.timer = setInterval(() => this.flush(this.phases[turn++ % PHASES]), Math.max(1, beat / PHASES));
  }

  // `client` has `send(text)`; it gets `wanted`, a set of channels.
  async subscribe(client, symbols) {
    const channels = symbols.map((symbol) => `option:${symbol}`);
    const fresh = channels.filter((channel) => !this.known.has(channel));
    for (const channel of fresh) this.known.add(channel);
    client.wanted = new Set(channels);
    client.phase = this.phases[this.next++ % PHASES];
    client.phase.clients.add(client);
    if (fresh.length) await this.redis.subscribe(...fresh);
    client.send('{"op":"snapshot","rows":[],"more":false}');
  }

  leave(client) {
    client.phase?.clients.delete(client);
  }

  flushAll() {
    this.soon = false;
    for (const phase of this.phases) this.flush(phase);
  }

  flush(phase) {
    const { dirty, clients } = phase;
    if (!dirty.size) return;
    phase.dirty = new Set();
    for (const client of clients) {
      const [few, many] = dirty.size < client.wanted.size ? [dirty, client.wanted] : [client.wanted, dirty];
      const rows = [];
      for (const channel of few) if (many.has(channel)) rows.push(this.latest.get(channel));
      if (rows.length) client.send(`{"op":"ticks","rows":[${rows.join(",")}]}`);
    }
  }
}
