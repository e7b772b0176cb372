// The page for a server that does not answer.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import { session } from "../api/session";
import { common } from "../strings/common";
import { shell } from "../strings/shell";

export function Unreachable({ message }: { message: string }) {
  return (
    <Box padding="xxl">
      <Alert
        type="error"
        header={shell.unreachableTitle}
        action={<Button onClick={() => void session.start()}>{common.retry}</Button>}
      >
        {message}
      </Alert>
    </Box>
  );
}
