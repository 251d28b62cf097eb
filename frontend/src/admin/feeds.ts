// The administrators' feed page: a client of the stream like any other, whose cards the server has written empty.
import "./feeds.css";
import { StreamSocket } from "../socket";
import { connectionText, FeedCard } from "./feedCard";
import { showHistory } from "./historyCard";

const root = document.getElementById("feeds");
if (!root) throw new Error("the page has no #feeds");
const line = root.querySelector<HTMLElement>("[data-connection]");
const history = root.querySelector<HTMLElement>("[data-history]");
const cards = new Map<string, FeedCard>();
for (const element of root.querySelectorAll<HTMLElement>("[data-feed]")) {
  cards.set(element.dataset["feed"] ?? "", new FeedCard(element));
}
const scheme = location.protocol === "https:" ? "wss" : "ws";
const socket = new StreamSocket(`${scheme}://${location.host}/ws/stream/`, {
  onMessage(message) {
    if (message.op === "feed") cards.get(message.feed)?.show(message, socket.clock.roundTripMs);
    if (message.op === "history" && history) showHistory(history, message);
  },
  onConnection(connection) {
    root.dataset["phase"] = connection.phase;
    if (line) line.textContent = connectionText(connection);
  },
});
socket.watchFeeds();
socket.start();
