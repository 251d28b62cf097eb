// What can be done by name from the search.
import type { Desk } from "../desk";
import type { Command } from "./targets";

/** Those that make sense on the page as it is. */
export function commandsOf(desk: Desk, onHelp: () => void): readonly Command[] {
  const { display } = desk;
  const now = display.display();
  const all: (readonly [name: string, also: string, pressed: string, run: () => void] | false)[] = [
    ["Dark or light", "theme colours", "t", () => display.toggleTheme()],
    now.theme !== "system" && [
      "Theme as the system has it",
      "dark light automatic",
      "",
      () => void display.choose({ theme: "system" }),
    ],
    now.density === "dense"
      ? ["Rows of the usual height", "density compact", "", () => void display.choose({ density: "normal" })]
      : ["Lower rows", "density dense compact", "", () => void display.choose({ density: "dense" })],
    now.colours === "green"
      ? ["Colours teal and orange", "up down", "", () => void display.choose({ colours: "teal" })]
      : ["Colours green and red", "up down", "", () => void display.choose({ colours: "green" })],
    now.times !== "own" && ["Times in my zone", "clock own", "", () => void display.choose({ times: "own" })],
    now.times !== "exchange" && [
      "Times in the exchange's zone",
      "clock venue",
      "",
      () => void display.choose({ times: "exchange" }),
    ],
    now.times !== "utc" && [
      "Times in UTC",
      "clock zone gmt",
      "",
      () => void display.choose({ times: "utc" }),
    ],
    ["Export what is shown as CSV", "save download file", "e", () => desk.exportShown()],
    desk.railOpen()
      ? ["Hide the watchlists", "rail left panel", "l", () => desk.showRail(false)]
      : ["Show the watchlists", "rail left panel", "l", () => desk.showRail(true)],
    desk.detailOpen()
      ? ["Hide the details", "right panel", "d", () => desk.showDetail(false)]
      : ["Show the details", "right panel", "d", () => desk.showDetail(true)],
    desk.view() === "list" &&
      desk.active() !== null && [
        "Paste symbols",
        "add import",
        "",
        () => desk.ask({ what: "paste", text: "" }),
      ],
    ["Keys and help", "shortcuts keyboard ?", "?", onHelp],
    ["Settings", "preferences time zone options", "", () => window.location.assign("/accounts/settings/")],
    ["Account", "password email sessions", "", () => window.location.assign("/accounts/")],
    ["API tokens", "programs keys", "", () => window.location.assign("/accounts/tokens/")],
    ["Documentation of the API", "help rest schema", "", () => window.location.assign("/api/docs/")],
    desk.page.staff && ["Administration", "admin feeds users", "", () => window.location.assign("/admin/")],
  ];
  return all
    .filter((one) => one !== false)
    .map(([name, also, pressed, run]) => ({
      kind: "command",
      key: `command-${name.toLowerCase().replace(/[^a-z]+/g, "-")}`,
      name,
      also,
      pressed,
      run,
    }));
}
