// The button that opens the application's login page, and how that went.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import FormField from "@cloudscape-design/components/form-field";
import LiveRegion from "@cloudscape-design/components/live-region";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { authorization as strings } from "../strings/connections";
import type { AuthorizationStatus } from "./authorize";
import type { RunningAuthorization } from "./useAuthorization";

interface AuthorizePanelProps {
  readonly connectorName: string;
  readonly redirectUri: string;
  readonly missing: readonly string[];
  readonly running: RunningAuthorization;
  readonly path: string;
  readonly error: string | undefined;
}

export function AuthorizePanel(props: AuthorizePanelProps) {
  const { connectorName, redirectUri, missing, running, path, error } = props;
  const [hasTried, setTried] = useState(false);
  const { status } = running;
  const isUnderWay = status.step === "starting" || status.step === "waiting";
  const incomplete = hasTried && missing.length > 0 ? strings.missing(missing.join(", ")) : undefined;
  return (
    <div data-field={path}>
      <SpaceBetween size="s">
        <div>
          <Box variant="awsui-key-label">{strings.redirect}</Box>
          <CopyToClipboard
            variant="inline"
            textToCopy={redirectUri}
            copyButtonAriaLabel={strings.copyRedirect}
            copySuccessText={strings.redirectCopied}
            copyErrorText={strings.redirectNotCopied}
          />
        </div>
        <FormField
          label={strings.title}
          description={strings.description(connectorName)}
          errorText={incomplete ?? error}
        >
          <SpaceBetween direction="horizontal" size="s" alignItems="center">
            <Button
              formAction="none"
              iconName="external"
              disabled={isUnderWay}
              onClick={() => {
                setTried(true);
                running.start();
              }}
            >
              {status.step === "none" ? strings.button : strings.again}
            </Button>
            {isUnderWay ? (
              <Button formAction="none" variant="link" onClick={running.cancel}>
                {strings.cancel}
              </Button>
            ) : null}
          </SpaceBetween>
        </FormField>
        <LiveRegion>
          <Progress status={status} />
        </LiveRegion>
      </SpaceBetween>
    </div>
  );
}

function Progress({ status }: { readonly status: AuthorizationStatus }) {
  switch (status.step) {
    case "none":
      return null;
    case "starting":
      return <StatusIndicator type="loading">{strings.starting}</StatusIndicator>;
    case "waiting":
      return status.isClosed ? (
        <StatusIndicator type="warning">{strings.closed}</StatusIndicator>
      ) : (
        <StatusIndicator type="in-progress">{strings.waiting}</StatusIndicator>
      );
    case "done":
      return (
        <StatusIndicator type="success">{`${strings.done}. ${strings.doneText}`}</StatusIndicator>
      );
    case "failed":
      return (
        <Alert type="error" header={strings.failed}>
          {status.reason === "refused" ? (status.message ?? strings.refused) : strings[status.reason]}
        </Alert>
      );
  }
}
