// The original's way: Node.js, ws and ioredis; one Redis subscription a symbol, one frame for every update to every socket.
//
// Advice followed (github.com/websockets/ws, README and doc/ws.md): per-message deflate stays off, since it costs memory and
// time; `bufferutil` is installed; UTF-8 is not checked again; a broadcast walks over the sockets and sends what is encoded
// already. ioredis's README: one connection for subscriptions, hiredis-like parsing is built in.
//
//     node one_frame.js PORT
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";

const redis = new Redis(process.env.REDIS_URL);
const watching = new Map(); // channel -> sockets

redis.on("message", (channel, row) => {
  const frame = Buffer.from(`{"op":"ticks","rows":[${row}]}`);
  for (const socket of watching.get(channel)) socket.send(frame, { binary: false });
});

const server = new WebSocketServer({ port: Number(process.argv[2]), perMessageDeflate: false, skipUTF8Validation: true });
server.on("connection", (socket) => {
  const channels = [];
  socket.on("message", async (text) => {
    const said = JSON.parse(text);
    if (said.op !== "subscribe") return;
    const fresh = [];
    for (const symbol of said.symbols) {
      const channel = `option:${symbol}`;
      channels.push(channel);
      if (!watching.has(channel)) {
        watching.set(channel, new Set());
        fresh.push(channel);
      }
      watching.get(channel).add(socket);
    }
    if (fresh.length) await redis.subscribe(...fresh);
    socket.send('{"op":"snapshot","rows":[],"more":false}');
  });
  socket.on("close", () => {
    for (const channel of channels) watching.get(channel).delete(socket);
  });
});
