// The banner over a flow of which a run is in progress.
import type { ExecutionRecord } from "@aws-sdk/client-appflow";
import Button from "@cloudscape-design/components/button";
import Flashbar from "@cloudscape-design/components/flashbar";
import { serverNow } from "../api/clock";
import { formatBytes, formatCount, formatDuration } from "../format";
import { shell } from "../strings/shell";
import { runs as strings } from "../strings/flows";
import { durationOf } from "./runs";
import { isUnderWay } from "./status";
import type { Liveness } from "./useRuns";

interface RunBannerProps {
  name: string;
  runs: ExecutionRecord[];
  liveness: Liveness;
  onResume: () => void;
}

export function RunBanner({ name, runs, liveness, onResume }: RunBannerProps) {
  const run = runs.find((one) => isUnderWay(one.executionStatus));
  if (run === undefined) return null;
  const result = run.executionResult;
  const duration = formatDuration(durationOf(run, serverNow()));
  const records = result?.recordsProcessed ?? 0;
  const bytes = result?.bytesProcessed ?? 0;
  // A run that has not told of any record yet is only just beginning.
  const progress =
    records === 0 && bytes === 0
      ? strings.begun(duration)
      : strings.progress(formatCount(records), formatBytes(bytes), duration);
  return (
    <Flashbar
      i18nStrings={{ inProgressIconAriaLabel: shell.inProgress }}
      items={[
        {
          id: "running",
          type: "in-progress",
          loading: true,
          header: strings.running(name),
          content: liveness === "paused" ? `${progress} ${strings.paused}` : progress,
          action: liveness === "paused" ? <Button onClick={onResume}>{strings.resume}</Button> : undefined,
        },
      ]}
    />
  );
}
