// The same beat on µWebSockets, a server in C++ under Node.js.
//
// Advice followed (github.com/uNetworking/uWebSockets, misc/READMORE.md): no compression, no idle timers that are not needed,
// `cork` around what is sent to a socket in one go, and a bound on what may wait for a slow one.
//
//     node uws_batched.js PORT
import uws from "@trufflesuite/uws-js-unofficial";
import { Phases } from "./phases.js";

const phases = new Phases();
const clients = new Map();
uws
  .App()
  .ws("/*", {
    compression: uws.DISABLED,
    maxPayloadLength: 65_536,
    maxBackpressure: 4 << 20,
    idleTimeout: 0,
    open: (socket) => {
      clients.set(socket, { send: (text) => socket.cork(() => socket.send(text)) });
    },
    message: (socket, text) => {
      const said = JSON.parse(Buffer.from(text).toString());
      const client = clients.get(socket);
      if (said.op === "configure") phases.configure(said.interval_ms);
      if (said.op === "subscribe") phases.subscribe(client, said.symbols);
    },
    close: (socket) => {
      phases.leave(clients.get(socket));
      clients.delete(socket);
    },
  })
  .listen("127.0.0.1", Number(process.argv[2]), (token) => {
    if (!token) process.exit(1);
  });
