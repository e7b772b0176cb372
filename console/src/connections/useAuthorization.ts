// Runs the pop-up of an OAuth authorization and waits for what comes of it.
import { useCallback, useEffect, useRef, useState } from "react";
import { errorText } from "../api/client";
import { serverNow } from "../api/clock";
import type { BegunAuthorization } from "../api/extensions";
import { type AuthorizationStatus, CHANNEL, readMessage } from "./authorize";

interface AuthorizationOptions {
  /** What the authorization is begun with now. */
  readonly fingerprint: string;
  readonly begin: () => Promise<BegunAuthorization>;
  /** Consent was given: the handle may go into the form. */
  readonly onDone: (authCode: string) => void;
  /** The handle is no longer good: it must leave the form. */
  readonly onLost: () => void;
}

export interface RunningAuthorization {
  readonly status: AuthorizationStatus;
  readonly start: () => void;
  readonly cancel: () => void;
  /** The handle has been used by an attempt that failed. */
  readonly spend: () => void;
}

/** How often the page looks whether the window is still there. */
const LOOK_MS = 500;

export function useAuthorization(options: AuthorizationOptions): RunningAuthorization {
  const [status, setStatus] = useState<AuthorizationStatus>({ step: "none" });
  const latest = useRef(options);
  latest.current = options;
  /** Ends the present attempt. */
  const stop = useRef<() => void>(() => undefined);

  const start = useCallback(() => {
    stop.current();
    // Opened at once, while the browser still sees the click; it gets its address later.
    const popup = window.open("about:blank", "_blank", "popup,width=640,height=760");
    if (popup === null) {
      setStatus({ step: "failed", reason: "blocked" });
      return;
    }
    setStatus({ step: "starting" });
    const fingerprint = latest.current.fingerprint;
    const channel = new BroadcastChannel(CHANNEL);
    let begun: BegunAuthorization | undefined;
    let ended = false;
    const end = (next: AuthorizationStatus) => {
      if (ended) return;
      ended = true;
      clearInterval(looking);
      channel.close();
      if (!popup.closed) popup.close();
      setStatus(next);
    };
    const looking = setInterval(() => {
      if (begun === undefined) return;
      if (serverNow() > Date.parse(begun.expiresAt)) end({ step: "failed", reason: "expired" });
      // A login page may cut its window off from this one, which looks like a closed window. So the
      // page only says so, and goes on listening.
      else if (popup.closed) setStatus({ step: "waiting", isClosed: true });
    }, LOOK_MS);
    stop.current = () => end({ step: "none" });
    channel.onmessage = (event: MessageEvent<unknown>) => {
      const message = readMessage(event.data);
      if (message === undefined || begun === undefined || message.state !== begun.state) return;
      if (message.ok) {
        const { authCode, expiresAt } = begun;
        end({ step: "done", fingerprint, expiresAt: Date.parse(expiresAt) });
        latest.current.onDone(authCode);
      } else {
        end({ step: "failed", reason: "refused", ...(message.message === undefined ? {} : { message: message.message }) });
      }
    };
    latest.current.begin().then(
      (answer) => {
        if (ended) return;
        begun = answer;
        popup.location.replace(answer.authorizationUrl);
        setStatus({ step: "waiting", isClosed: false });
      },
      (error: unknown) => end({ step: "failed", reason: "refused", message: errorText(error) }),
    );
  }, []);

  const cancel = useCallback(() => stop.current(), []);

  const spend = useCallback(() => {
    setStatus((before) => (before.step === "done" ? { step: "failed", reason: "used" } : before));
    latest.current.onLost();
  }, []);

  // What was agreed to holds for these settings only, and for a short time.
  useEffect(() => {
    if (status.step !== "done") return;
    const lose = (reason: "discarded" | "expired") => {
      setStatus({ step: "failed", reason });
      latest.current.onLost();
    };
    if (status.fingerprint !== options.fingerprint) {
      lose("discarded");
      return;
    }
    const timer = setTimeout(() => lose("expired"), Math.max(0, status.expiresAt - serverNow()));
    return () => clearTimeout(timer);
  }, [status, options.fingerprint]);

  useEffect(() => () => stop.current(), []);
  return { status, start, cancel, spend };
}
