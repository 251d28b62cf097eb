// Socket.IO with its Redis adapter: a room a symbol; the publisher emits to rooms as the official emitter does.
//
// Advice followed (socket.io/docs/v4/performance-tuning): WebSocket only, `bufferutil`, no per-message deflate, the first
// HTTP request is let go.
//
//     node socketio.js PORT
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const redis = new Redis(process.env.REDIS_URL);
const io = new Server(Number(process.argv[2]), {
  adapter: createAdapter(redis, redis.duplicate()),
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
});
io.engine.on("connection", (raw) => {
  raw.request = null;
});
io.on("connection", (socket) => {
  socket.on("subscribe", (symbols, done) => {
    socket.join(symbols);
    done();
  });
});
