// User name and password.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input, { type InputProps } from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiError, errorText } from "../api/errors";
import { signIn } from "../api/session";
import { signIn as strings } from "../strings/shell";
import { expectFocus } from "./Page";
import { useCountdown } from "./useCountdown";

/** Where the server names no time to wait, this many seconds serve. */
const DEFAULT_WAIT = 30;

export function PasswordForm({ primary, onTry }: { primary: boolean; onTry: () => void }) {
  const [userName, setUserName] = useState("");
  const [password, setPassword] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [lockedFor, lockFor] = useCountdown();
  const [wasLocked, setWasLocked] = useState(false);
  const first = useRef<InputProps.Ref>(null);
  const second = useRef<InputProps.Ref>(null);

  useEffect(() => first.current?.focus(), []);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (busy || lockedFor > 0) return;
    if (userName === "") return first.current?.focus();
    if (password === "") return second.current?.focus();
    onTry();
    setBusy(true);
    setError(undefined);
    setWasLocked(false);
    try {
      expectFocus();
      await signIn(userName, password);
    } catch (problem) {
      setBusy(false);
      setPassword("");
      setTried(false);
      if (problem instanceof ApiError && problem.status === 429) {
        lockFor(problem.retryAfter ?? DEFAULT_WAIT);
        setWasLocked(true);
      } else {
        setError(errorText(problem));
        second.current?.focus();
      }
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)}>
      <SpaceBetween size="l">
        {lockedFor > 0 ? (
          <Alert type="warning" header={strings.lockedTitle}>
            {/* A screen reader would read every second; the change at the end is told instead. */}
            <span aria-live="off">{strings.locked(lockedFor)}</span>
          </Alert>
        ) : wasLocked ? (
          <Alert type="info">{strings.lockedOver}</Alert>
        ) : null}
        {error === undefined ? null : <Alert type="error">{error}</Alert>}
        <FormField
          label={strings.userName}
          errorText={tried && userName === "" ? strings.userNameMissing : undefined}
        >
          <Input
            ref={first}
            name="username"
            autoComplete="username"
            spellcheck={false}
            value={userName}
            onChange={({ detail }) => setUserName(detail.value)}
            nativeInputAttributes={{ autoCapitalize: "none" }}
          />
        </FormField>
        <FormField
          label={strings.password}
          errorText={tried && password === "" ? strings.passwordMissing : undefined}
        >
          <Input
            ref={second}
            type="password"
            name="password"
            autoComplete="current-password"
            value={password}
            onChange={({ detail }) => setPassword(detail.value)}
          />
        </FormField>
        <Button
          variant={primary ? "primary" : "normal"}
          formAction="submit"
          fullWidth
          loading={busy}
          loadingText={strings.submitting}
          disabled={lockedFor > 0}
        >
          {strings.submit}
        </Button>
      </SpaceBetween>
    </form>
  );
}
