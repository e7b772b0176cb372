// What stands in the place of flows while there are none: how to make one.
import Box from "@cloudscape-design/components/box";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { apiBase } from "../api/http";
import { href } from "../router";
import { createFlowCommand, flows as strings } from "../strings/flows";
import "./flows.css";

export function EmptyFlows() {
  const command = createFlowCommand(apiBase().href.replace(/\/$/, ""));
  return (
    <Box padding={{ vertical: "l" }}>
      <SpaceBetween size="m">
        <Box textAlign="center">
          <Box variant="strong">{strings.emptyTitle}</Box>
          <Box variant="p" color="text-body-secondary">
            {strings.emptyText}
          </Box>
        </Box>
        <Box>
          <SpaceBetween size="xs">
            <Box variant="awsui-key-label">{strings.emptyCommandLabel}</Box>
            <pre className="tg-command" tabIndex={0} aria-label={strings.emptyCommandLabel}>
              {command}
            </pre>
            <CopyToClipboard
              copyButtonText={strings.copyCommand}
              textToCopy={command}
              copySuccessText={strings.copied}
              copyErrorText={strings.copyFailed}
            />
            <Box>
              {strings.emptyNeedsConnection} <Link href={href("connections")}>{strings.emptyConnections}</Link>
            </Box>
          </SpaceBetween>
        </Box>
      </SpaceBetween>
    </Box>
  );
}
