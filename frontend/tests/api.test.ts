import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api, ApiError } from "../src/api";

let calls: { url: string; init: RequestInit }[];
let answers: Response[];
let signedOut: number;
let api: Api;

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

beforeEach(() => {
  calls = [];
  answers = [];
  signedOut = 0;
  // biome-ignore lint/suspicious/noDocumentCookie: what the page itself reads.
  document.cookie = "csrftoken=abc123";
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    calls.push({ url, init });
    const answer = answers.shift();
    if (!answer) throw new TypeError("network");
    return answer;
  });
  api = new Api("/api/v1/", () => {
    signedOut += 1;
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  return promise.then(
    () => {
      throw new Error("it should have failed");
    },
    (error: ApiError) => error,
  );
}

describe("requests", () => {
  it("that change something carry the token against forgery; those that read do not", async () => {
    answers = [json({ id: 1 }, 201), json({ results: [], next: null })];
    await api.addEntry(7, "simulated.ACME");
    await api.watchlists();
    expect(calls[0]).toMatchObject({ url: "/api/v1/watchlists/7/entries/", init: { method: "POST" } });
    expect(new Headers(calls[0]?.init.headers).get("X-CSRFToken")).toBe("abc123");
    expect(new Headers(calls[1]?.init.headers).has("X-CSRFToken")).toBe(false);
  });

  it("follow the pages of a long answer on our own origin", async () => {
    answers = [
      json({ results: [{ id: 1 }], next: "http://elsewhere.example/api/v1/watchlists/?cursor=x" }),
      json({ results: [{ id: 2 }], next: null }),
    ];
    expect((await api.watchlists()).map((list) => list.id)).toEqual([1, 2]);
    expect(calls[1]?.url).toBe("/api/v1/watchlists/?cursor=x");
  });

  it("ask for many symbols in addresses that every proxy takes", async () => {
    const symbols = Array.from(
      { length: 500 },
      (_, number) => `simulated.ACMEXY260220C${number + 10_000_000}`,
    );
    answers = [1, 2, 3, 4].map((id) => json({ results: [{ id }], refused: [] }));
    expect((await api.sparklines(symbols)).map((line) => line.id)).toEqual([1, 2, 3, 4]);
    const asked = calls.map(({ url }) => new URL(url, "http://here").searchParams.get("symbols")!.split(","));
    expect(asked.flat()).toEqual(symbols);
    expect(Math.max(...calls.map(({ url }) => url.length))).toBeLessThan(7_000);
  });
});

describe("errors", () => {
  it("tell people what the fields' messages say", async () => {
    answers = [
      json({ title: "Invalid", detail: "d", errors: [{ message: "You have one of that name." }] }, 400),
    ];
    const error = await failure(api.createWatchlist("Core"));
    expect(error).toBeInstanceOf(ApiError);
    expect(error.message).toBe("You have one of that name.");
  });

  it("tell the detail where no field is to blame, and the status where there is no problem document", async () => {
    answers = [
      json({ title: "T", detail: "The database does not answer." }, 503),
      new Response("<html>", { status: 502 }),
    ];
    expect((await failure(api.watchlists())).message).toBe("The database does not answer.");
    expect((await failure(api.watchlists())).message).toBe("The server answered 502.");
  });

  it("say so when nothing was reached", async () => {
    expect((await failure(api.removeEntry(1, 2))).message).toContain("cannot be reached");
  });

  it("lead to the sign-in page when the session is over", async () => {
    answers = [json({ detail: "Authentication credentials were not provided." }, 403)];
    await failure(api.watchlists());
    expect(signedOut).toBe(1);
  });
});
