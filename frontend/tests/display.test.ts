import { beforeEach, expect, it, vi } from "vitest";
import { type Account, createDisplay, type Display } from "../src/display";
import { createHints } from "../src/hints";
import { createPanels, NARROW } from "../src/panels";
import { Settings } from "../src/settings";
import { zone } from "../src/times";

const account = (chosen: Partial<Display> = {}, time_zone = "Asia/Tokyo"): Account => ({
  time_zone,
  display: { theme: "system", colours: "teal", times: "own", density: "normal", layout: {}, ...chosen },
});
const root = () => ({ ...document.documentElement.dataset });

let isSystemDark = false;
let isPhone = false;
beforeEach(() => {
  localStorage.clear();
  isSystemDark = false;
  isPhone = false;
  vi.spyOn(window, "matchMedia").mockImplementation(
    (query) =>
      ({
        matches: query === NARROW ? isPhone : isSystemDark,
        addEventListener: () => undefined,
      }) as unknown as MediaQueryList,
  );
});

function made(of = account(), save = vi.fn(async (_: Partial<Display>) => ({}))) {
  const problems: unknown[] = [];
  const display = createDisplay({
    account: of,
    exchangeZones: { simulated: "America/New_York" },
    save,
    onProblem: (error) => problems.push(error),
  });
  return { display, save, problems };
}

it("draws what the account has", () => {
  made(account({ theme: "dark", colours: "green", density: "dense", times: "utc" }));
  expect(root()).toEqual({ theme: "dark", colours: "green", density: "dense" });
  expect(zone()).toBe("UTC");
  made();
  expect(root()).toEqual({});
  expect(zone()).toBe("Asia/Tokyo");
});

it("turns to the other theme, shows and saves it, and follows the system where that is what it shows", async () => {
  const { display, save } = made();
  display.toggleTheme();
  expect(root()).toEqual({ theme: "dark" });
  expect(document.cookie).toContain("theme=dark");
  display.toggleTheme();
  expect(root()).toEqual({});
  // The clock has to go on before it has expired.
  await vi.waitFor(() => expect(document.cookie).not.toContain("theme="));
  isSystemDark = true;
  display.toggleTheme();
  expect(save.mock.calls).toEqual([[{ theme: "dark" }], [{ theme: "system" }], [{ theme: "light" }]]);
});

it("takes what was changed elsewhere, but not while its own change is on the way", async () => {
  let arrive = (_: unknown) => {};
  const { display } = made(
    account(),
    vi.fn(() => new Promise<object>((done) => (arrive = done as typeof arrive))),
  );
  const heard = vi.fn();
  display.onDrawn(heard);
  display.adopt(account({ density: "dense" }));
  expect(root()).toEqual({ density: "dense" });
  display.adopt(account({ density: "dense" }));
  expect(heard).toHaveBeenCalledTimes(1);
  const chosen = display.choose({ colours: "green" });
  display.adopt(account());
  expect(root()).toEqual({ density: "dense", colours: "green" });
  arrive({});
  await chosen;
  display.adopt(account());
  expect(root()).toEqual({});
});

it("says what could not be saved", async () => {
  const { display, problems } = made(account(), vi.fn().mockRejectedValue("away"));
  await display.choose({ density: "dense" });
  expect(problems).toEqual(["away"]);
});

it("keeps panels within what is of use, and takes no nonsense", () => {
  const settings = new Settings(localStorage, "1");
  const panels = createPanels(settings, window.matchMedia(NARROW));
  expect([panels.railOpen(), panels.detailOpen(), panels.width("rail")]).toEqual([true, false, null]);
  panels.resize("rail", 9_999);
  panels.showRail(false);
  panels.resize("detail", 1);
  const again = createPanels(settings, window.matchMedia(NARROW));
  expect([again.railOpen(), again.width("rail"), again.width("detail")]).toEqual([false, 420, 260]);
  again.resize("rail", null);
  expect(again.width("rail")).toBe(null);
  settings.adopt({ rail: "wide", detail: { open: 1, width: "3" } }, vi.fn());
  expect([again.railOpen(), again.detailOpen(), again.width("detail")]).toEqual([true, false, null]);
});

it("opens the details on a phone as a sheet, which another view closes and nothing keeps", () => {
  const settings = new Settings(localStorage, "1");
  const made = () => createPanels(settings, window.matchMedia(NARROW));
  made().showDetail(true);
  isPhone = true;
  const phone = made();
  expect(phone.detailOpen()).toBe(false);
  phone.showDetail(true);
  expect(phone.detailOpen()).toBe(true);
  expect(made().detailOpen()).toBe(false);
  phone.leaveSheet();
  expect(phone.detailOpen()).toBe(false);
  isPhone = false;
  const desktop = made();
  desktop.leaveSheet();
  expect(desktop.detailOpen()).toBe(true);
});

it("lets a hint go once it was followed, and all at a word, for good", () => {
  const settings = new Settings(localStorage, "1");
  const hints = createHints(settings);
  hints.done("add");
  expect(createHints(settings).isDone("add")).toBe(true);
  expect(hints.isDone("search")).toBe(false);
  hints.dismiss();
  expect(createHints(settings).isDone("legs")).toBe(true);
});
