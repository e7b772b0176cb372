// An error in the place of what could not be loaded, in the server's words.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import { errorDetails } from "../api/errors";
import { common } from "../strings/common";
import { shell } from "../strings/shell";

interface FailureProps {
  error: unknown;
  header: string;
  retry?: () => void;
}

export function Failure({ error, header, retry }: FailureProps) {
  const { message, code, requestId } = errorDetails(error);
  const details = [code, requestId === undefined ? undefined : shell.requestId(requestId)].filter(Boolean);
  return (
    <Alert
      type="error"
      header={header}
      action={retry === undefined ? undefined : <Button onClick={retry}>{common.retry}</Button>}
    >
      {message}
      {details.length === 0 ? null : <Box fontSize="body-s">{details.join(" · ")}</Box>}
    </Alert>
  );
}
