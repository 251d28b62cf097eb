// Dark or light: the system's, or what was chosen. Kept in a cookie, so that the server draws the first paint right.
export type Theme = "system" | "light" | "dark";

const YEAR_S = 31_536_000;

export function chosenTheme(): Theme {
  const value = document.documentElement.dataset["theme"];
  return value === "light" || value === "dark" ? value : "system";
}

export function shownTheme(): "light" | "dark" {
  const chosen = chosenTheme();
  if (chosen !== "system") return chosen;
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Turns to the other one. Where that is what the system shows, the choice is given up and the system followed. */
export function toggleTheme(): "light" | "dark" {
  const wanted = shownTheme() === "dark" ? "light" : "dark";
  const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  if (wanted === system) {
    delete document.documentElement.dataset["theme"];
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet.
    document.cookie = `theme=; Path=/; Max-Age=0; SameSite=Lax${secure}`;
  } else {
    document.documentElement.dataset["theme"] = wanted;
    // biome-ignore lint/suspicious/noDocumentCookie: as above.
    document.cookie = `theme=${wanted}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
  }
  return wanted;
}
