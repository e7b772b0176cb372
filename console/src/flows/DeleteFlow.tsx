// Asks before a flow is deleted.
import { DeleteFlowCommand } from "@aws-sdk/client-appflow";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input, { type InputProps } from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { appflow } from "../api/appflow";
import { Failure } from "../shell/Failure";
import { useNotifications } from "../shell/notifications";
import { deleting as strings } from "../strings/flows";
import { forgetFlow } from "./start";

interface DeleteFlowProps {
  name: string;
  onClose: () => void;
  /** The flow is gone. */
  onDeleted: () => void;
}

/** Drawn only while it is open, so that each time it begins empty. */
export function DeleteFlow({ name, onClose, onDeleted }: DeleteFlowProps) {
  const notify = useNotifications();
  const [typed, setTyped] = useState("");
  const [force, setForce] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const field = useRef<InputProps.Ref>(null);
  // After the dialog has put the focus on its first button.
  useEffect(() => {
    const timer = setTimeout(() => field.current?.focus());
    return () => clearTimeout(timer);
  }, []);
  const confirmed = typed.trim().toLowerCase() === strings.word;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!confirmed || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await appflow().send(new DeleteFlowCommand({ flowName: name, forceDelete: force }));
      forgetFlow(name);
      onDeleted();
      notify.success(strings.done(name));
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };

  return (
    <Modal
      visible
      header={strings.title(name)}
      closeAriaLabel={strings.close}
      onDismiss={busy ? () => undefined : onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" disabled={busy} onClick={onClose}>
              {strings.cancel}
            </Button>
            <Button variant="primary" form="delete-flow" formAction="submit" disabled={!confirmed} loading={busy}>
              {strings.submit}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form id="delete-flow" onSubmit={(event) => void submit(event)}>
        <SpaceBetween size="m">
          <Alert type="warning">{strings.warning}</Alert>
          <FormField label={strings.confirm}>
            <Input
              ref={field}
              value={typed}
              placeholder={strings.word}
              autoComplete={false}
              spellcheck={false}
              disabled={busy}
              onChange={({ detail }) => setTyped(detail.value)}
            />
          </FormField>
          <Checkbox
            checked={force}
            description={strings.forceHelp}
            disabled={busy}
            onChange={({ detail }) => setForce(detail.checked)}
          >
            {strings.force}
          </Checkbox>
          {error === undefined ? null : <Failure error={error} header={strings.failed} />}
        </SpaceBetween>
      </form>
    </Modal>
  );
}
