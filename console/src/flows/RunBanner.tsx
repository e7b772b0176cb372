// Says above the page that a run of the flow is in progress.
import type { ExecutionRecord } from "@aws-sdk/client-appflow";
import { useEffect } from "react";
import { serverNow } from "../api/clock";
import { formatBytes, formatCount, formatDuration } from "../format";
import { showProgress } from "../shell/notifications";
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
  const text = run === undefined ? undefined : progressOf(run);
  useEffect(() => {
    if (text === undefined) return;
    const header = strings.running(name);
    showProgress(
      liveness === "paused"
        ? { header, text: `${text} ${strings.paused}`, action: { text: strings.resume, onClick: onResume } }
        : { header, text },
    );
    return () => showProgress(undefined);
  }, [name, text, liveness, onResume]);
  return null;
}

function progressOf(run: ExecutionRecord): string {
  const duration = formatDuration(durationOf(run, serverNow()));
  const records = run.executionResult?.recordsProcessed ?? 0;
  const bytes = run.executionResult?.bytesProcessed ?? 0;
  // A run that has not told of any record yet is only just beginning.
  return records === 0 && bytes === 0
    ? strings.begun(duration)
    : strings.progress(formatCount(records), formatBytes(bytes), duration);
}
