// The dialog that changes the signed-in person's password.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { errorText } from "../api/errors";
import { changePassword } from "../api/session";
import { common } from "../strings/common";
import { signIn as strings } from "../strings/shell";
import { useNotifications } from "./notifications";

export function ChangePassword({ userName, onClose }: { userName: string; onClose: () => void }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [repeat, setRepeat] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const notifications = useNotifications();

  const problems = {
    current: current === "" ? strings.passwordMissing : undefined,
    next: next === "" ? strings.passwordMissing : next === current ? strings.same : undefined,
    repeat: next !== repeat ? strings.differ : undefined,
  };

  async function submit(event?: FormEvent) {
    event?.preventDefault();
    setTried(true);
    if (busy || problems.current || problems.next || problems.repeat) return;
    setBusy(true);
    setError(undefined);
    try {
      await changePassword(current, next);
      notifications.success(strings.changed);
      onClose();
    } catch (problem) {
      setError(errorText(problem));
      setBusy(false);
    }
  }

  const shown = (text: string | undefined) => (tried ? text : undefined);
  return (
    <Modal
      visible
      header={strings.changeTitle}
      closeAriaLabel={common.close}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              {common.cancel}
            </Button>
            <Button variant="primary" loading={busy} onClick={() => void submit()}>
              {strings.changeTitle}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form onSubmit={(event) => void submit(event)}>
        {/* Password managers want to know whose password this is. */}
        <input type="text" autoComplete="username" value={userName} readOnly hidden />
        <SpaceBetween size="l">
          {error === undefined ? null : <Alert type="error">{error}</Alert>}
          <FormField label={strings.current} errorText={shown(problems.current)}>
            <Input
              type="password"
              autoComplete="current-password"
              value={current}
              onChange={({ detail }) => setCurrent(detail.value)}
            />
          </FormField>
          <FormField label={strings.next} description={strings.changeHelp} errorText={shown(problems.next)}>
            <Input
              type="password"
              autoComplete="new-password"
              value={next}
              onChange={({ detail }) => setNext(detail.value)}
            />
          </FormField>
          <FormField label={strings.repeat} errorText={shown(problems.repeat)}>
            <Input
              type="password"
              autoComplete="new-password"
              value={repeat}
              onChange={({ detail }) => setRepeat(detail.value)}
            />
          </FormField>
        </SpaceBetween>
        {/* Enter in a field sends a form only when it has a button of its own. */}
        <button type="submit" hidden />
      </form>
    </Modal>
  );
}
