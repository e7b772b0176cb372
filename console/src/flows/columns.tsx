// The columns of the table of flows, and what can be filtered.
import type { FlowDefinition } from "@aws-sdk/client-appflow";
import Link from "@cloudscape-design/components/link";
import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { formatTime } from "../format";
import { common } from "../strings/common";
import { flows as strings } from "../strings/flows";
import { triggers, wordFor } from "../strings/operators";
import type { ColumnId } from "./preferences";
import { flowHref } from "./links";
import { flowStatus, runStatus } from "./status";

/** A flow with what is shown of it, which is also what is filtered and sorted by. */
export interface FlowRow {
  flow: FlowDefinition;
  name: string;
  status: string;
  source: string;
  destination: string;
  trigger: string;
  lastRun: string;
  lastRunTime: number;
  lastRunMessage: string;
  description: string;
  created: number;
  updated: number;
}

export function rowOf(
  flow: FlowDefinition,
  nameOf: (type: string | undefined, label?: string | undefined) => string,
): FlowRow {
  const last = flow.lastRunExecutionDetails;
  const trigger = flow.triggerType;
  return {
    flow,
    name: flow.flowName ?? "",
    status: flowStatus(flow.flowStatus).text,
    source: nameOf(flow.sourceConnectorType, flow.sourceConnectorLabel),
    destination: nameOf(flow.destinationConnectorType, flow.destinationConnectorLabel),
    trigger: trigger === undefined ? common.none : wordFor(triggers, trigger),
    lastRun: last?.mostRecentExecutionStatus === undefined ? strings.neverRan : runStatus(last.mostRecentExecutionStatus).text,
    lastRunTime: last?.mostRecentExecutionTime?.getTime() ?? 0,
    lastRunMessage: last?.mostRecentExecutionMessage ?? "",
    description: flow.description ?? "",
    created: flow.createdAt?.getTime() ?? 0,
    updated: flow.lastUpdatedAt?.getTime() ?? 0,
  };
}

interface Column {
  id: ColumnId;
  header: string;
  cell: (row: FlowRow) => React.ReactNode;
  sortingField?: string;
  sortingComparator?: (a: FlowRow, b: FlowRow) => number;
  isRowHeader?: boolean;
  width?: number;
  minWidth?: number;
}

export function columnsOf(): Column[] {
  return [
    {
      id: "name",
      header: strings.name,
      isRowHeader: true,
      sortingComparator: (a, b) => collator.compare(a.name, b.name),
      sortingField: "name",
      width: 190,
      cell: (row) => <Link href={flowHref(row.name)}>{row.name}</Link>,
    },
    {
      id: "status",
      header: strings.flowStatus,
      sortingField: "status",
      width: 130,
      cell: (row) => <Shown status={flowStatus(row.flow.flowStatus)} />,
    },
    { id: "source", header: strings.source, sortingField: "source", width: 130, cell: (row) => row.source },
    {
      id: "destination",
      header: strings.destination,
      sortingField: "destination",
      width: 145,
      cell: (row) => row.destination,
    },
    { id: "trigger", header: strings.trigger, sortingField: "trigger", width: 140, cell: (row) => row.trigger },
    {
      id: "lastRun",
      header: strings.lastRun,
      sortingField: "lastRun",
      width: 130,
      cell: (row) =>
        row.lastRunTime === 0 ? (
          <StatusIndicator type="pending">{row.lastRun}</StatusIndicator>
        ) : (
          <Shown status={runStatus(row.flow.lastRunExecutionDetails?.mostRecentExecutionStatus)} />
        ),
    },
    {
      id: "lastRunTime",
      header: strings.lastRunTime,
      sortingField: "lastRunTime",
      width: 280,
      cell: (row) => formatTime(row.flow.lastRunExecutionDetails?.mostRecentExecutionTime),
    },
    {
      id: "lastRunMessage",
      header: strings.lastRunMessage,
      sortingField: "lastRunMessage",
      width: 280,
      cell: (row) => row.lastRunMessage || common.none,
    },
    {
      id: "description",
      header: strings.descriptionColumn,
      sortingField: "description",
      width: 260,
      cell: (row) => row.description || common.none,
    },
    {
      id: "created",
      header: strings.created,
      sortingField: "created",
      width: 280,
      cell: (row) => formatTime(row.flow.createdAt),
    },
    {
      id: "updated",
      header: strings.updated,
      sortingField: "updated",
      width: 280,
      cell: (row) => formatTime(row.flow.lastUpdatedAt),
    },
  ];
}

function Shown({ status }: { status: ReturnType<typeof flowStatus> }) {
  return <StatusIndicator type={status.type}>{status.text}</StatusIndicator>;
}

const collator = new Intl.Collator("en", { sensitivity: "base", numeric: true });

export const FILTERS: readonly PropertyFilterProps.FilteringProperty[] = (
  [
    ["name", strings.name],
    ["status", strings.flowStatus],
    ["source", strings.source],
    ["destination", strings.destination],
    ["trigger", strings.trigger],
    ["lastRun", strings.lastRun],
    ["lastRunMessage", strings.lastRunMessage],
    ["description", strings.descriptionColumn],
  ] as const
).map(([key, label]) => ({
  key,
  propertyLabel: label,
  groupValuesLabel: strings.values(label),
  operators: [":", "!:", "=", "!="],
}));

/** The few values that some properties have, offered while one types; names would be thousands. */
export function filterOptions(rows: readonly FlowRow[]): { propertyKey: string; value: string }[] {
  const keys = ["status", "source", "destination", "trigger", "lastRun"] as const;
  return keys.flatMap((key) =>
    [...new Set(rows.map((row) => row[key]))].sort().map((value) => ({ propertyKey: key, value })),
  );
}
