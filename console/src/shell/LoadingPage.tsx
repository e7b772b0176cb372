// What stands in the place of a page until it is there.
import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import { common } from "../strings/common";

export function LoadingPage() {
  return (
    <Box textAlign="center" padding="xxl">
      <span role="status" aria-label={common.loading}>
        <Spinner size="large" />
      </span>
    </Box>
  );
}
