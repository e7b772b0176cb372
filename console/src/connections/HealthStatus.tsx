// What the last login said about a connection.
import Box from "@cloudscape-design/components/box";
import Popover from "@cloudscape-design/components/popover";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { Health } from "../api/extensions";
import { formatTime } from "../format";
import { connections as strings } from "../strings/connections";

const types: Readonly<Record<string, StatusIndicatorProps.Type>> = {
  Proved: "success",
  Refused: "error",
  Unreachable: "warning",
  CannotBeTested: "info",
};

interface HealthStatusProps {
  readonly health: Health | null;
  readonly testing: boolean;
  /** Leaves out the popover, where the message stands beside it anyway. */
  readonly plain?: boolean;
}

export function HealthStatus({ health, testing, plain = false }: HealthStatusProps) {
  if (testing) return <StatusIndicator type="loading">{strings.testing}</StatusIndicator>;
  if (health === null) return <StatusIndicator type="pending">{strings.health["NotChecked"]}</StatusIndicator>;
  const word = strings.health[health.result] ?? health.result;
  const indicator = <StatusIndicator type={types[health.result] ?? "info"}>{word}</StatusIndicator>;
  if (plain || health.message === "") return indicator;
  return (
    <Popover
      header={word}
      size="large"
      triggerType="text"
      dismissAriaLabel={strings.preferences.cancel}
      content={
        <SpaceBetween size="xxs">
          <div>{health.message}</div>
          <Box color="text-body-secondary" fontSize="body-s">
            {strings.checkedAt(formatTime(health.checkedAt))}
          </Box>
        </SpaceBetween>
      }
    >
      {indicator}
    </Popover>
  );
}
