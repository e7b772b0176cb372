// Tells that a run has ended.
import type { DestinationFlowConfig, ExecutionRecord } from "@aws-sdk/client-appflow";
import { formatBytes, formatCount, formatDuration } from "../format";
import type { Notifications } from "../shell/notifications";
import { runs as strings } from "../strings/flows";
import { flowHref } from "./links";
import { durationOf } from "./runs";
import { location } from "./sides";

export function tellEnd(
  notify: Notifications,
  name: string,
  run: ExecutionRecord,
  destination: DestinationFlowConfig | undefined,
): void {
  const result = run.executionResult;
  if (run.executionStatus === "Error") {
    notify.error(new Error(result?.errorInfo?.executionMessage || strings.failedWithoutText), strings.failed(name));
    return;
  }
  if (run.executionStatus !== "Successful") {
    notify.info(strings.canceled(name));
    return;
  }
  const place = location(destination, name);
  const text = [
    strings.succeeded(name),
    strings.moved(
      formatCount(result?.recordsProcessed),
      formatBytes(result?.bytesWritten),
      formatDuration(durationOf(run, 0)),
    ),
    // Nothing is written when there was nothing to move.
    place === undefined || !result?.bytesWritten ? undefined : strings.writtenTo(place),
  ];
  notify.success(text.filter((part) => part !== undefined).join(" "), {
    text: strings.seeRun,
    href: flowHref(name, "history"),
  });
}
