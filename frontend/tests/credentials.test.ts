import { describe, expect, it } from "vitest";
import { creation, failure, hindrance, Refusal, request, toBytes, toText } from "../src/accounts/credentials";

describe("bytes as text", () => {
  it("go there and back, whatever their length", () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, place) => (place * 37 + 251) % 256);
      expect(new Uint8Array(toBytes(toText(bytes.buffer)))).toEqual(bytes);
    }
  });

  it("are base64url without padding", () => {
    expect(toText(Uint8Array.of(251, 255).buffer)).toBe("-_8");
  });
});

describe("a new key", () => {
  const options = {
    challenge: "AAEC",
    user: { id: "Mw", name: "owner", displayName: "owner" },
    excludeCredentials: [{ id: "AQ", type: "public-key" }],
    authenticatorSelection: { userVerification: "preferred" },
  };

  it("that signs in alone stays on the device and asks who is there", () => {
    const selection = creation(options, true).authenticatorSelection;
    expect(selection).toMatchObject({ residentKey: "required", userVerification: "required" });
  });

  it("that is a second factor only need not", () => {
    const made = creation(options, false);
    expect(made.authenticatorSelection).toMatchObject({
      residentKey: "discouraged",
      userVerification: "preferred",
    });
    expect(new Uint8Array(made.challenge as ArrayBuffer)).toEqual(Uint8Array.of(0, 1, 2));
    expect(made.excludeCredentials).toHaveLength(1);
  });
});

it("a key to be shown may be any where none is named", () => {
  expect(request({ challenge: "AA" }).allowCredentials).toEqual([]);
});

describe("where there can be no passkey it is said why", () => {
  const place = { secure: true, host: "desk.example.org", port: "", supported: true };

  it.each([
    [{ ...place }, /^$/],
    [{ ...place, host: "localhost", port: "8000" }, /^$/],
    [{ ...place, secure: false }, /HTTPS/],
    [{ ...place, supported: false }, /browser knows no/],
    [{ ...place, host: "127.0.0.1", port: "8000" }, /http:\/\/localhost:8000/],
    [{ ...place, host: "[::1]", port: "" }, /http:\/\/localhost /],
    [{ ...place, host: "192.0.2.7" }, /by its name/],
  ])("%j", (where, said) => {
    expect(hindrance(where)).toMatch(said);
  });
});

it("what failed is said in words", () => {
  expect(failure(new DOMException("", "NotAllowedError"))).toMatch(/cancelled/);
  expect(failure(new TypeError("x"))).toMatch(/did not work/);
  expect(failure(new Refusal("Try again in 5 minutes."))).toBe("Try again in 5 minutes.");
});
