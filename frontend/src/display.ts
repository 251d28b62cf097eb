// How the page looks: one set of choices, which the account keeps, the page draws, and the settings page changes too.
import { createSignal } from "solid-js";
import { drawTheme, otherTheme, type Theme } from "./theme";
import { chooseTimes, type Times } from "./times";

export interface Display {
  readonly theme: Theme;
  readonly colours: "teal" | "green";
  readonly times: Times;
  readonly density: "normal" | "dense";
}

/** What the server tells of the account, in the page and by `me/`. */
export interface Account {
  readonly time_zone: string;
  readonly display: Display & { readonly layout: unknown };
}

export interface DisplayParts {
  readonly account: Account;
  readonly exchangeZones: Readonly<Record<string, string>>;
  /** Saves what was chosen with the account. */
  readonly save: (chosen: Partial<Display>) => Promise<unknown>;
  /** It could not be saved; it holds until the page is left. */
  readonly onProblem: (error: unknown) => void;
}

export type DisplayState = ReturnType<typeof createDisplay>;

export function createDisplay(parts: DisplayParts) {
  const [display, setDisplay] = createSignal<Display>(parts.account.display);
  let own = parts.account.time_zone;
  let saving = 0;
  const hearers: (() => void)[] = [];

  function draw(): void {
    const { theme, colours, times, density } = display();
    const { dataset } = document.documentElement;
    drawTheme(theme);
    if (colours === "green") dataset["colours"] = colours;
    else delete dataset["colours"];
    if (density === "dense") dataset["density"] = density;
    else delete dataset["density"];
    chooseTimes({ times, own, exchanges: parts.exchangeZones });
    for (const hear of hearers) hear();
  }

  /** Shows it at once, and saves it. */
  async function choose(chosen: Partial<Display>): Promise<void> {
    setDisplay({ ...display(), ...chosen });
    draw();
    saving += 1;
    try {
      await parts.save(chosen);
    } catch (error) {
      parts.onProblem(error);
    } finally {
      saving -= 1;
    }
  }

  /** Takes what the account has now, as changed in another tab or on the settings page. */
  function adopt(account: Account): void {
    if (saving) return;
    const { theme, colours, times, density } = account.display;
    const is = JSON.stringify([display(), own]);
    own = account.time_zone;
    setDisplay({ theme, colours, times, density });
    if (JSON.stringify([display(), own]) !== is) draw();
  }

  const { theme, colours, times, density } = parts.account.display;
  setDisplay({ theme, colours, times, density });
  draw();

  return {
    display,
    choose,
    adopt,
    toggleTheme: () => void choose({ theme: otherTheme(display().theme) }),
    /** Calls `hear` when something else is drawn. */
    onDrawn: (hear: () => void) => void hearers.push(hear),
  };
}
