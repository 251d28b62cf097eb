// The page's entry: reads what the server wrote about the user, builds the desk, shows it.
import "./styles/app.css";
import { render } from "solid-js/web";
import { forget } from "./accounts/fragment";
import { createDesk } from "./desk";
import { App } from "./views/App";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no #app to stand in");
const { user = "", staff = "", account = "{}", loginUrl = "", logoutUrl = "" } = root.dataset;
const desk = createDesk({ user, staff: staff === "yes", account: JSON.parse(account), loginUrl, logoutUrl });
root.replaceChildren();
render(() => <App desk={desk} />, root);
desk.start();
forget(localStorage);
