// Passkeys between the server's JSON and the browser's own objects: bytes travel as base64url.

type Json = Record<string, unknown>;

export function toBytes(text: string): ArrayBuffer {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  const binary = atob(base64.padEnd(Math.ceil(base64.length / 4) * 4, "="));
  return Uint8Array.from(binary, (one) => one.charCodeAt(0)).buffer;
}

export function toText(bytes: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(bytes), (one) => String.fromCharCode(one)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

type Described = { id: string; [name: string]: unknown };

function described(list: unknown): PublicKeyCredentialDescriptor[] {
  return ((list as Described[] | undefined) ?? []).map(
    (one) => ({ ...one, id: toBytes(one.id) }) as unknown as PublicKeyCredentialDescriptor,
  );
}

/** What the server offers for a new key. `alone` is for one that signs in by itself: it stays on the device, and asks who is there. */
export function creation(options: Json, alone: boolean): PublicKeyCredentialCreationOptions {
  const user = options["user"] as Described;
  return {
    ...options,
    challenge: toBytes(options["challenge"] as string),
    user: { ...user, id: toBytes(user.id) },
    excludeCredentials: described(options["excludeCredentials"]),
    authenticatorSelection: {
      ...(options["authenticatorSelection"] as Json | undefined),
      residentKey: alone ? "required" : "discouraged",
      requireResidentKey: alone,
      userVerification: alone ? "required" : "preferred",
    },
  } as unknown as PublicKeyCredentialCreationOptions;
}

/** What the server wants shown. */
export function request(options: Json): PublicKeyCredentialRequestOptions {
  return {
    ...options,
    challenge: toBytes(options["challenge"] as string),
    allowCredentials: described(options["allowCredentials"]),
  } as unknown as PublicKeyCredentialRequestOptions;
}

/** A key as the server reads it, whether it was made or shown. */
export function posted(credential: PublicKeyCredential): string {
  const { response } = credential;
  const parts: Json = { clientDataJSON: toText(response.clientDataJSON) };
  if ("attestationObject" in response) {
    const made = response as AuthenticatorAttestationResponse;
    parts["attestationObject"] = toText(made.attestationObject);
    parts["transports"] = made.getTransports?.() ?? [];
  } else {
    const shown = response as AuthenticatorAssertionResponse;
    parts["authenticatorData"] = toText(shown.authenticatorData);
    parts["signature"] = toText(shown.signature);
    parts["userHandle"] = shown.userHandle === null ? null : toText(shown.userHandle);
  }
  const { credProps } = credential.getClientExtensionResults();
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    response: parts,
    clientExtensionResults: credProps === undefined ? {} : { credProps },
  });
}

/** Why there can be no passkey here, or an empty text. */
export function hindrance(place: {
  secure: boolean;
  host: string;
  port: string;
  supported: boolean;
}): string {
  if (/^[\d.]+$|^\[/.test(place.host)) {
    const local = place.host.startsWith("127.") || place.host === "[::1]";
    const instead = local ? `http://localhost${place.port === "" ? "" : `:${place.port}`}` : "its name";
    return `Passkeys belong to a name, and this address is made of numbers. Open the site by ${instead} instead.`;
  }
  if (!place.secure)
    return "Browsers allow passkeys only over HTTPS, or on this machine at http://localhost.";
  if (!place.supported) return "This browser knows no passkeys.";
  return "";
}

/** What the server said, to be read by people. */
export class Refusal extends Error {}

/** What went wrong, in words; the browser's own are for developers. */
export function failure(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "Nothing was shown in time, or it was cancelled. Try again.";
  if (name === "InvalidStateError") return "This device has a key for this account already.";
  if (name === "SecurityError") return "The browser takes no passkey at this address.";
  if (name === "NotSupportedError" || name === "ConstraintError")
    return "This device cannot make such a key.";
  return "That did not work. Load the page again, and repeat it.";
}
