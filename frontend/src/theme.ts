// Dark or light: the system's, or what was chosen. Also in a cookie, so that the sign-in page has it from its first byte.
export type Theme = "system" | "light" | "dark";

const YEAR_S = 31_536_000;

function systemTheme(): "light" | "dark" {
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** What turns to the other one: where that is what the system shows, the choice is given up and the system followed. */
export function otherTheme(chosen: Theme): Theme {
  const system = systemTheme();
  const wanted = (chosen === "system" ? system : chosen) === "dark" ? "light" : "dark";
  return wanted === system ? "system" : wanted;
}

export function drawTheme(theme: Theme): void {
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  if (theme === "system") {
    delete document.documentElement.dataset["theme"];
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet.
    document.cookie = `theme=; Path=/; Max-Age=0; SameSite=Lax${secure}`;
  } else {
    document.documentElement.dataset["theme"] = theme;
    // biome-ignore lint/suspicious/noDocumentCookie: as above.
    document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
  }
}
