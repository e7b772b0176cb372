// The signed-in person and the keys the page signs with. Keys live in this module's memory only;
// the browser's cookie, which no script can read, is what renews them.
import { useSyncExternalStore } from "react";
import { signIn as strings } from "../strings/shell";
import { clockOffset } from "./clock";
import { ApiError, errorText } from "./errors";
import { sessionRequest } from "./http";

/** `GET /session`: what the server offers before anybody has signed in. */
export interface SessionInfo {
  signedIn: boolean;
  userName?: string;
  signIn: { password: boolean; oidc: { name: string; startPath: string } | null };
  hasUsers: boolean;
  region: string;
  accountId: string;
  version: string;
  oauthRedirectPath: string;
}

/** `POST /session/keys`. */
interface KeysAnswer {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: string;
  region: string;
  accountId: string;
  userName: string;
  signIn: "password" | "oidc";
  idleMinutes: number;
}

/** What the SDK signs with. */
export interface SessionKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}

export type SessionState =
  | { status: "starting" }
  | { status: "unreachable"; message: string }
  | { status: "signedOut"; info: SessionInfo; reason?: string }
  | {
      status: "signedIn";
      info: SessionInfo;
      userName: string;
      region: string;
      accountId: string;
      signIn: "password" | "oidc";
      idleMinutes: number;
    };

/** Sends a session request; tests put another one in its place. */
export type SendRequest = <T>(method: "GET" | "POST", path: string, input?: unknown) => Promise<T>;

/** What one tab tells the others. */
type Message = { type: "signed-in" } | { type: "signed-out" } | { type: "active" };

/** Where tabs talk to each other; the browser's BroadcastChannel fits. */
export interface Channel {
  postMessage(message: Message): void;
  onmessage: ((event: MessageEvent<Message>) => void) | null;
}

/** Keys with less than this left are renewed before a request is signed. */
const RENEW_BEFORE_MS = 60_000;

/** How long the first drawing of the page waits for its data. */
const FIRST_PAGE_MS = 500;

export class SessionStore {
  #state: SessionState = { status: "starting" };
  #info: SessionInfo | undefined;
  #keys: SessionKeys | undefined;
  #renewal: Promise<SessionKeys> | undefined;
  /** Counts sign-ins and sign-outs, so that an answer that comes too late changes nothing. */
  #epoch = 0;
  readonly #listeners = new Set<() => void>();
  /** Another tab saw a person's input. */
  onActive: (() => void) | undefined;
  /**
   * Asks for what the page will show first, with the first keys and before anything is drawn: the page
   * then is drawn once and not twice. It is waited for a moment only; the signal says that it is over.
   */
  beforeFirstPage: ((signal: AbortSignal) => Promise<void>) | undefined;

  constructor(
    private readonly send: SendRequest,
    private readonly channel?: Channel,
  ) {
    if (channel !== undefined) channel.onmessage = (event) => void this.#hear(event.data);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SessionState => this.#state;

  /** What the server said of itself; undefined before its first answer. */
  readonly info = (): SessionInfo | undefined => this.#info;

  /** Asks the server who is signed in; the page's first act, and its retry. */
  async start(reason?: string): Promise<void> {
    const epoch = ++this.#epoch;
    try {
      const info = await this.send<SessionInfo>("GET", "session");
      if (epoch !== this.#epoch) return;
      this.#info = info;
      if (!info.signedIn) this.#end(reason);
      else await this.renew();
    } catch (error) {
      if (epoch !== this.#epoch) return;
      // A session that ended between the two answers has already been noted by renew().
      if (this.#state.status !== "signedOut") this.#set({ status: "unreachable", message: errorText(error) });
    }
  }

  async signIn(userName: string, password: string): Promise<void> {
    await this.send("POST", "session/sign-in", { userName, password });
    this.#epoch++;
    this.#renewal = undefined;
    await this.renew();
    this.channel?.postMessage({ type: "signed-in" });
  }

  async signOut(reason: string = strings.signedOut): Promise<void> {
    if (this.#state.status !== "signedIn") return;
    this.#end(reason);
    this.channel?.postMessage({ type: "signed-out" });
    try {
      await this.send("POST", "session/sign-out");
    } catch (error) {
      // 401: the session was over already, which is what was asked for.
      if (error instanceof ApiError && error.status === 401) return;
      if (this.state().status === "signedOut") this.#end(strings.signOutFailed);
    }
  }

  /** Other sessions end with the old password; this one goes on with new keys. */
  async changePassword(currentPassword: string, newPassword: string): Promise<void> {
    await this.send("POST", "session/password", { currentPassword, newPassword });
    this.#renewal = undefined;
    await this.renew();
    this.channel?.postMessage({ type: "signed-in" });
  }

  /** Keys that are good for at least a minute. */
  readonly keys = async (): Promise<SessionKeys> => {
    const keys = this.#keys;
    if (keys !== undefined && !this.keysEndSoon()) return keys;
    try {
      return await this.renew();
    } catch (error) {
      // While the server cannot be asked, the old keys serve as long as they live.
      if (keys !== undefined && keys === this.#keys && remaining(keys) > 0) return keys;
      throw error;
    }
  };

  /** Whether the keys have less than a minute to live. */
  keysEndSoon(): boolean {
    return this.#keys === undefined || remaining(this.#keys) <= RENEW_BEFORE_MS;
  }

  /** Fetches new keys through the cookie. Callers that come meanwhile share the same answer. */
  renew(): Promise<SessionKeys> {
    this.#renewal ??= this.#fetchKeys(this.#epoch).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  /** Tells the other tabs that the person is there. */
  tellActive(): void {
    this.channel?.postMessage({ type: "active" });
  }

  async #fetchKeys(epoch: number): Promise<SessionKeys> {
    let answer: KeysAnswer;
    try {
      answer = await this.send<KeysAnswer>("POST", "session/keys");
    } catch (error) {
      if (epoch === this.#epoch && error instanceof ApiError && error.status === 401) {
        this.#end(strings.ended);
      }
      throw error;
    }
    const keys: SessionKeys = {
      accessKeyId: answer.accessKeyId,
      secretAccessKey: answer.secretAccessKey,
      sessionToken: answer.sessionToken,
      expiration: new Date(answer.expiration),
    };
    if (epoch !== this.#epoch) throw new Error(strings.ended);
    this.#keys = keys;
    this.#info ??= await this.send<SessionInfo>("GET", "session");
    if (this.#state.status === "starting" && this.beforeFirstPage !== undefined) {
      await briefly(this.beforeFirstPage);
      if (epoch !== this.#epoch) throw new Error(strings.ended);
    }
    const { region, accountId, userName, signIn, idleMinutes } = answer;
    const info = { ...this.#info, signedIn: true, userName };
    const now = this.#state;
    const same =
      now.status === "signedIn" && now.userName === userName && now.region === region &&
      now.accountId === accountId && now.signIn === signIn && now.idleMinutes === idleMinutes;
    if (!same) this.#set({ status: "signedIn", info, userName, region, accountId, signIn, idleMinutes });
    return keys;
  }

  async #hear(message: Message): Promise<void> {
    if (message.type === "active") {
      this.onActive?.();
    } else if (message.type === "signed-out") {
      const { status } = this.#state;
      // Also while the first page is prepared: what was asked for it is no longer anybody's to see.
      if (status === "signedIn" || status === "starting") this.#end(strings.elsewhere);
    } else {
      // The cookie changed in another tab; keys of the old session are no longer accepted.
      this.#epoch++;
      this.#renewal = undefined;
      await this.renew().catch(() => undefined);
    }
  }

  #end(reason?: string): void {
    this.#epoch++;
    this.#keys = undefined;
    this.#renewal = undefined;
    if (this.#info === undefined) {
      void this.start(reason);
      return;
    }
    const { userName: _, ...info } = this.#info;
    this.#info = { ...info, signedIn: false };
    this.#set({
      status: "signedOut",
      info: this.#info,
      ...(reason === undefined ? {} : { reason }),
    });
  }

  #set(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Waits for an errand, but not for long. What becomes of it matters to nobody but the page. */
async function briefly(errand: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const over = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((done) => void (timer = setTimeout(done, FIRST_PAGE_MS)));
  try {
    await Promise.race([errand(over.signal), late]);
  } catch {
    // The page asks again, and tells what is wrong.
  }
  clearTimeout(timer);
  over.abort();
}

/** Milliseconds the keys have left, by the server's clock. */
function remaining(keys: SessionKeys): number {
  return keys.expiration.getTime() - (Date.now() + clockOffset());
}

/** The one session of this page. */
export const session = new SessionStore(
  sessionRequest,
  typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("tidegate-session"),
);

/** The session; draws the component again when somebody signs in or out. */
export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.state);
}

export function signIn(userName: string, password: string): Promise<void> {
  return session.signIn(userName, password);
}

export function signOut(reason?: string): Promise<void> {
  return session.signOut(reason);
}

export function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  return session.changePassword(currentPassword, newPassword);
}

/** The region of the server; empty before its first answer. */
export function region(): string {
  const state = session.state();
  return state.status === "signedIn" ? state.region : (session.info()?.region ?? "");
}

/** The account of the server; empty before its first answer. */
export function accountId(): string {
  const state = session.state();
  return state.status === "signedIn" ? state.accountId : (session.info()?.accountId ?? "");
}
