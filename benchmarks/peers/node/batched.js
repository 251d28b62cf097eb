// Node.js, ws and ioredis at Strikewire's beat: rows merged to the newest, one frame a socket and beat, the same bytes.
// Advice followed: as in one_frame.js.
//
//     node batched.js PORT
import { WebSocketServer } from "ws";
import { Phases } from "./phases.js";

const phases = new Phases();
const server = new WebSocketServer({ port: Number(process.argv[2]), perMessageDeflate: false, skipUTF8Validation: true });
server.on("connection", (socket) => {
  socket.on("message", (text) => {
    const said = JSON.parse(text);
    if (said.op === "configure") phases.configure(said.interval_ms);
    if (said.op === "subscribe") phases.subscribe(socket, said.symbols);
  });
  socket.on("close", () => phases.leave(socket));
});
