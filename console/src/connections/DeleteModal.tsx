// Deletes a connection: shows what depends on it, and asks for a typed word.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { DeleteConnectorProfileCommand } from "@aws-sdk/client-appflow";
import { useState } from "react";
import { appflow } from "../api/appflow";
import { errorText } from "../api/client";
import { describeUsage, type UsingFlow } from "../api/extensions";
import { href } from "../router";
import { deletion as strings } from "../strings/connections";
import { useLoad } from "../api/useLoad";

interface DeleteModalProps {
  readonly name: string;
  readonly visible: boolean;
  readonly onDismiss: () => void;
  readonly onDeleted: (name: string) => void;
}

/** Flows beyond this number are only counted. */
const LISTED = 10;

/** The content is mounted anew for each opening, so that nothing typed before stays. */
export function DeleteModal({ name, visible, onDismiss, onDeleted }: DeleteModalProps) {
  const [word, setWord] = useState("");
  const [force, setForce] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [error, setError] = useState<string>();
  const usage = useLoad(visible ? name : undefined, (signal) => describeUsage(name, signal));
  const flows = usage.data?.flows ?? [];
  const isReady = word === strings.word && !usage.loading && (flows.length === 0 || force);

  const close = () => {
    setWord("");
    setForce(false);
    setError(undefined);
    onDismiss();
  };
  const remove = async () => {
    if (!isReady || deleting) return;
    setDeleting(true);
    setError(undefined);
    try {
      await appflow().send(
        new DeleteConnectorProfileCommand({ connectorProfileName: name, ...(force ? { forceDelete: true } : {}) }),
      );
      setWord("");
      setForce(false);
      onDeleted(name);
    } catch (thrown) {
      setError(errorText(thrown));
      // A flow may have come in between: the list says so, and the box appears.
      usage.reload();
    } finally {
      setDeleting(false);
    }
  };

  return (
    <Modal
      visible={visible}
      onDismiss={close}
      header={strings.title}
      closeAriaLabel={strings.close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {strings.cancel}
            </Button>
            <Button variant="primary" disabled={!isReady} loading={deleting} onClick={() => void remove()}>
              {strings.confirm}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <div>{strings.question(name)}</div>
        {usage.loading ? <StatusIndicator type="loading">{strings.loading}</StatusIndicator> : null}
        {usage.error === undefined ? null : (
          <Alert type="warning" header={strings.usageFailed}>
            {errorText(usage.error)}
          </Alert>
        )}
        {flows.length === 0 ? null : <FlowsInUse flows={flows} force={force} onForce={setForce} />}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void remove();
          }}
        >
          <FormField label={strings.typeLabel} description={strings.typeWord}>
            <Input
              value={word}
              placeholder={strings.word}
              autoComplete={false}
              spellcheck={false}
              onChange={({ detail }) => setWord(detail.value)}
            />
          </FormField>
        </form>
        <div role="alert">
          {error === undefined ? null : (
            <Alert type="error" header={strings.failed}>
              {error}
            </Alert>
          )}
        </div>
      </SpaceBetween>
    </Modal>
  );
}

interface FlowsInUseProps {
  readonly flows: readonly UsingFlow[];
  readonly force: boolean;
  readonly onForce: (force: boolean) => void;
}

function FlowsInUse({ flows, force, onForce }: FlowsInUseProps) {
  return (
    <Alert type="warning" header={strings.inUse(flows.length)}>
      <SpaceBetween size="xs">
        <div>{strings.inUseText}</div>
        <ul>
          {flows.slice(0, LISTED).map((flow) => (
            <li key={flow.flowName}>
              <Link href={href("flows", "view", flow.flowName)}>{flow.flowName}</Link>
            </li>
          ))}
          {flows.length > LISTED ? <li>{strings.more(flows.length - LISTED)}</li> : null}
        </ul>
        <Checkbox checked={force} onChange={({ detail }) => onForce(detail.checked)}>
          {strings.force}
        </Checkbox>
      </SpaceBetween>
    </Alert>
  );
}
