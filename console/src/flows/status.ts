// What the API's statuses look like.
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { flowStatuses, runStatuses } from "../strings/flows";
import { wordFor } from "../strings/operators";

export interface Status {
  type: StatusIndicatorProps.Type;
  text: string;
}

const FLOW: Readonly<Record<string, StatusIndicatorProps.Type>> = {
  Active: "success",
  Draft: "pending",
  Suspended: "stopped",
  Errored: "error",
  Deprecated: "warning",
  Deleted: "stopped",
};

const RUN: Readonly<Record<string, StatusIndicatorProps.Type>> = {
  InProgress: "in-progress",
  Successful: "success",
  Error: "error",
  CancelStarted: "in-progress",
  Canceled: "stopped",
};

/** A flow's status; one that is not known yet is shown as the API spells it. */
export function flowStatus(status: string | undefined): Status {
  return { type: FLOW[status ?? ""] ?? "info", text: status === undefined ? "-" : wordFor(flowStatuses, status) };
}

export function runStatus(status: string | undefined): Status {
  return { type: RUN[status ?? ""] ?? "info", text: status === undefined ? "-" : wordFor(runStatuses, status) };
}

/** Whether a run can still change. */
export function isUnderWay(status: string | undefined): boolean {
  return status === "InProgress" || status === "CancelStarted";
}
