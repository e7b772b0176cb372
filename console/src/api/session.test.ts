import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { signIn as strings } from "../strings/shell";
import { learnServerDate } from "./clock";
import { ApiError } from "./errors";
import { type Channel, type SessionInfo, SessionStore } from "./session";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const INFO: SessionInfo = {
  signedIn: false,
  signIn: { password: true, oidc: null },
  hasUsers: true,
  region: "eu-central-1",
  accountId: "123456789012",
  version: "1.0.0",
  oauthRedirectPath: "oauth/callback",
};

/** A server of one user; `calls` says what it was asked. */
function fakeServer() {
  const server = {
    signedIn: false,
    calls: [] as string[],
    keys: 0,
    failWith: undefined as unknown,
    /** Holds back the answers to requests for keys. */
    gate: Promise.resolve(),
    async send<T>(method: "GET" | "POST", path: string, input?: unknown): Promise<T> {
      server.calls.push(`${method} ${path}`);
      if (server.failWith !== undefined) throw server.failWith;
      const answer = await server.answer(path, input);
      return answer as T;
    },
    async answer(path: string, input: unknown): Promise<unknown> {
      switch (path) {
        case "session":
          return { ...INFO, signedIn: server.signedIn };
        case "session/sign-in": {
          const { password } = input as { password: string };
          if (password !== "right") throw refused(401, "user name or password is wrong");
          server.signedIn = true;
          return {};
        }
        case "session/keys": {
          await server.gate;
          if (!server.signedIn) throw refused(401, "the session is over");
          server.keys++;
          return {
            accessKeyId: `KEY${server.keys}`,
            secretAccessKey: "secret",
            sessionToken: "token",
            expiration: new Date(Date.now() + 15 * 60_000).toISOString(),
            region: INFO.region,
            accountId: INFO.accountId,
            userName: "ada",
            signIn: "password",
            idleMinutes: 30,
          };
        }
        case "session/sign-out":
          server.signedIn = false;
          return {};
        default:
          return {};
      }
    },
  };
  return server;
}

function refused(status: number, message: string): ApiError {
  return new ApiError(message, { code: "AccessDeniedException", status });
}

/** Two ends of a channel between tabs. */
function twoTabs(): [Channel, Channel] {
  const ends: [Channel, Channel] = [
    { onmessage: null, postMessage: (message) => ends[1].onmessage?.({ data: message } as never) },
    { onmessage: null, postMessage: (message) => ends[0].onmessage?.({ data: message } as never) },
  ];
  return ends;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW);
  learnServerDate(new Date(NOW).toUTCString(), NOW, NOW);
});
afterEach(() => vi.useRealTimers());

async function signedIn() {
  const server = fakeServer();
  const store = new SessionStore(server.send);
  await store.start();
  await store.signIn("ada", "right");
  return { server, store };
}

describe("the session", () => {
  it("starts signed out without a cookie and signed in with one", async () => {
    const server = fakeServer();
    const store = new SessionStore(server.send);
    await store.start();
    expect(store.state()).toMatchObject({ status: "signedOut", info: { region: "eu-central-1" } });
    server.signedIn = true;
    await store.start();
    expect(store.state()).toMatchObject({ status: "signedIn", userName: "ada", idleMinutes: 30 });
  });

  describe("before the first page", () => {
    const startWith = (errand: (signal: AbortSignal) => Promise<void>) => {
      const server = fakeServer();
      server.signedIn = true;
      const store = new SessionStore(server.send);
      store.beforeFirstPage = vi.fn(errand);
      return { server, store, started: store.start() };
    };
    const never = () => new Promise<void>(() => undefined);

    it("waits for the page's data, which has the keys already, and does so once", async () => {
      let open: () => void = () => undefined;
      const used: string[] = [];
      const { server, store, started } = startWith(async () => {
        used.push((await store.keys()).accessKeyId);
        await new Promise<void>((resolve) => (open = resolve));
      });
      await vi.waitFor(() => expect(used).toEqual(["KEY1"]));
      expect(store.state().status).toBe("starting");
      open();
      await started;
      expect(store.state().status).toBe("signedIn");
      await store.renew();
      expect(store.beforeFirstPage).toHaveBeenCalledTimes(1);
      expect(server.keys).toBe(2);
      expect(vi.getTimerCount()).toBe(0);
    });

    it.each([
      ["rejects", () => Promise.reject(new Error("no list"))],
      ["throws", () => { throw new Error("no page"); }],
    ])("shows the page all the same when it %s", async (_, errand) => {
      const { store, started } = startWith(errand);
      await started;
      expect(store.state().status).toBe("signedIn");
    });

    it("does not wait for what is slow, and gives it up", async () => {
      const signals: AbortSignal[] = [];
      const { store, started } = startWith((signal) => {
        signals.push(signal);
        return never();
      });
      await vi.advanceTimersByTimeAsync(499);
      expect(store.state().status).toBe("starting");
      expect(signals[0]?.aborted).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await started;
      expect(store.state().status).toBe("signedIn");
      expect(signals[0]?.aborted).toBe(true);
    });

    it("stays signed out when another tab signs out meanwhile", async () => {
      const [here, there] = twoTabs();
      const server = fakeServer();
      server.signedIn = true;
      const store = new SessionStore(server.send, here);
      store.beforeFirstPage = async () => {
        server.signedIn = false;
        there.postMessage({ type: "signed-out" });
      };
      await store.start();
      expect(store.state()).toMatchObject({ status: "signedOut", reason: strings.elsewhere });
      expect(store.keysEndSoon()).toBe(true);
    });
  });

  it("says when the server cannot be reached, and starts again", async () => {
    const server = fakeServer();
    server.failWith = new TypeError("Failed to fetch");
    const store = new SessionStore(server.send);
    await store.start();
    expect(store.state()).toMatchObject({ status: "unreachable", message: expect.stringContaining("cannot be reached") });
    server.failWith = undefined;
    await store.start();
    expect(store.state().status).toBe("signedOut");
  });

  it("stays signed out after a wrong password, in the server's words", async () => {
    const store = new SessionStore(fakeServer().send);
    await store.start();
    await expect(store.signIn("ada", "wrong")).rejects.toThrow("user name or password is wrong");
    expect(store.state().status).toBe("signedOut");
  });

  it("gives the same keys until a minute before their end", async () => {
    const { server, store } = await signedIn();
    expect((await store.keys()).accessKeyId).toBe("KEY1");
    vi.setSystemTime(NOW + 13.9 * 60_000);
    expect((await store.keys()).accessKeyId).toBe("KEY1");
    vi.setSystemTime(NOW + 14.1 * 60_000);
    expect((await store.keys()).accessKeyId).toBe("KEY2");
    expect(server.keys).toBe(2);
  });

  it("measures the end of the keys by the server's clock", async () => {
    const { store } = await signedIn();
    learnServerDate(new Date(NOW + 15 * 60_000).toUTCString(), NOW, NOW);
    expect(store.keysEndSoon()).toBe(true);
  });

  it("renews once for callers that come together", async () => {
    const { server, store } = await signedIn();
    vi.setSystemTime(NOW + 16 * 60_000);
    const keys = await Promise.all([store.keys(), store.keys(), store.keys()]);
    expect(keys.map((key) => key.accessKeyId)).toEqual(["KEY2", "KEY2", "KEY2"]);
    expect(server.keys).toBe(2);
  });

  it("lives on with keys that still serve while the server is away", async () => {
    const { server, store } = await signedIn();
    server.failWith = new TypeError("Failed to fetch");
    vi.setSystemTime(NOW + 14.5 * 60_000);
    expect((await store.keys()).accessKeyId).toBe("KEY1");
    vi.setSystemTime(NOW + 15.1 * 60_000);
    await expect(store.keys()).rejects.toThrow("Failed to fetch");
    expect(store.state().status).toBe("signedIn");
  });

  it("ends with the reason when the server has ended it", async () => {
    const { server, store } = await signedIn();
    server.signedIn = false;
    vi.setSystemTime(NOW + 16 * 60_000);
    await expect(store.keys()).rejects.toThrow("the session is over");
    expect(store.state()).toMatchObject({ status: "signedOut", reason: strings.ended });
  });

  it("forgets its keys at sign-out, even when the answer to a renewal comes later", async () => {
    const { server, store } = await signedIn();
    let open: () => void = () => undefined;
    server.gate = new Promise((resolve) => (open = resolve));
    const renewal = store.renew();
    const out = store.signOut();
    expect(store.state()).toMatchObject({ status: "signedOut", reason: strings.signedOut });
    server.signedIn = true;
    open();
    await expect(renewal).rejects.toThrow();
    await out;
    expect(store.state().status).toBe("signedOut");
    expect(store.keysEndSoon()).toBe(true);
  });

  it("says when the server could not be told of a sign-out", async () => {
    const { server, store } = await signedIn();
    server.failWith = new TypeError("Failed to fetch");
    await store.signOut();
    expect(store.state()).toMatchObject({ status: "signedOut", reason: strings.signOutFailed });
  });

  it("goes on with new keys after a change of the password", async () => {
    const { server, store } = await signedIn();
    await store.changePassword("right", "new");
    expect((await store.keys()).accessKeyId).toBe("KEY2");
    expect(server.calls).toContain("POST session/password");
  });

  it("is followed by other tabs at sign-out and sign-in", async () => {
    const server = fakeServer();
    const [here, there] = twoTabs();
    const first = new SessionStore(server.send, here);
    const second = new SessionStore(server.send, there);
    await first.start();
    await second.start();
    await first.signIn("ada", "right");
    await vi.waitFor(() => expect(second.state().status).toBe("signedIn"));
    await first.signOut();
    expect(second.state()).toMatchObject({ status: "signedOut", reason: strings.elsewhere });
  });

  it("does not draw the page again at a renewal", async () => {
    const { store } = await signedIn();
    const before = store.state();
    await store.renew();
    expect(store.state()).toBe(before);
  });
});
