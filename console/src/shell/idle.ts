// Signs a person out who has left. The rules are plain functions; the browser's part is below.
import { type SessionStore } from "../api/session";
import { signIn as strings } from "../strings/shell";

/** How long before the end the person is asked whether they are there. */
const WARNING_MS = 60_000;

export type Idle = { phase: "present" } | { phase: "warned"; seconds: number } | { phase: "over" };

/** What a time without input means. */
export function idlePhase(sinceInput: number, idleMinutes: number): Idle {
  const allowed = idleMinutes * 60_000;
  const left = allowed - sinceInput;
  if (left <= 0) return { phase: "over" };
  if (left > Math.min(WARNING_MS, allowed / 2)) return { phase: "present" };
  return { phase: "warned", seconds: Math.ceil(left / 1000) };
}

const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

/** Other tabs hear of input at most this often. */
const TELL_EVERY_MS = 10_000;

/**
 * Watches for input until the returned function is called. A tab in which a person works keeps
 * the keys fresh, because the server measures its own idle time by requests.
 */
export function watchIdle(
  session: SessionStore,
  idleMinutes: number,
  show: (idle: Idle) => void,
): { stop: () => void; stay: () => void } {
  let lastInput = Date.now();
  let lastTold = lastInput;
  let lastRenewal = lastInput;
  let phase: Idle["phase"] = "present";

  const update = () => {
    const idle = idlePhase(Date.now() - lastInput, idleMinutes);
    if (idle.phase !== "present" || phase !== "present") show(idle);
    phase = idle.phase;
    if (idle.phase === "over") {
      stop();
      void session.signOut(strings.idle(idleMinutes));
    } else if (lastInput > lastRenewal && session.keysEndSoon()) {
      lastRenewal = Date.now();
      void session.renew().catch(() => undefined);
    }
  };
  const input = () => {
    // A computer that wakes up gets its first input before the timer; it comes too late.
    if (phase !== "over" && idlePhase(Date.now() - lastInput, idleMinutes).phase === "over") {
      update();
      return;
    }
    lastInput = Date.now();
    if (lastInput - lastTold >= TELL_EVERY_MS) {
      lastTold = lastInput;
      session.tellActive();
    }
    if (phase === "warned") update();
  };
  const timer = setInterval(update, 1000);
  const stop = () => {
    clearInterval(timer);
    for (const name of INPUTS) window.removeEventListener(name, input, true);
    session.onActive = undefined;
  };
  for (const name of INPUTS) window.addEventListener(name, input, { capture: true, passive: true });
  session.onActive = () => {
    lastInput = Date.now();
    if (phase === "warned") update();
  };
  return { stop, stay: input };
}
