// The forms that make or show a passkey: each is marked data-passkey, and posts what the browser made in `credential`.
import { creation, failure, hindrance, posted, Refusal, request } from "./credentials";

type Options = { publicKey: Record<string, unknown> };

const offered = (): Record<string, Options> =>
  JSON.parse(document.getElementById("passkey-options")?.textContent ?? "{}");

async function made(form: HTMLFormElement): Promise<Credential | null> {
  const options = offered()["creation_options"];
  const alone = form.querySelector<HTMLInputElement>("input[name=passwordless]")?.checked ?? true;
  return options ? navigator.credentials.create({ publicKey: creation(options.publicKey, alone) }) : null;
}

async function shown(form: HTMLFormElement): Promise<Credential | null> {
  let options = offered()["request_options"];
  if (form.dataset["passkey"] === "sign-in") {
    // Asked for when it is wanted: a challenge belongs to a session, and a page that is only looked at needs none.
    const answer = await fetch(form.action, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (answer.status === 429) throw new Refusal(((await answer.json()) as { detail: string }).detail);
    if (!answer.ok) throw new Error(`no challenge: ${answer.status}`);
    options = ((await answer.json()) as Record<string, Options>)["request_options"];
  }
  return options ? navigator.credentials.get({ publicKey: request(options.publicKey) }) : null;
}

function prepare(form: HTMLFormElement): void {
  const field = form.querySelector<HTMLInputElement>("input[name=credential]");
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const problem = form.querySelector<HTMLElement>("[data-problem]");
  if (!field || !button || !problem) return;
  const say = (text: string) => {
    problem.textContent = text;
    problem.hidden = text === "";
  };
  const why = hindrance({
    secure: window.isSecureContext,
    host: window.location.hostname,
    port: window.location.port,
    supported: "credentials" in navigator && "PublicKeyCredential" in window,
  });
  // At the sign-in a way that cannot be gone is not offered at all.
  form.hidden = why !== "" && form.dataset["passkey"] === "sign-in";
  if (why !== "") {
    button.disabled = true;
    say(why);
    return;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say("");
    button.disabled = true;
    try {
      const credential = await (form.dataset["passkey"] === "make" ? made(form) : shown(form));
      if (!(credential instanceof PublicKeyCredential)) throw new Error("no credential");
      field.value = posted(credential);
      form.submit();
    } catch (error) {
      say(failure(error));
      button.disabled = false;
    }
  });
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-passkey]")) prepare(form);
