// What a flow is, at a glance.
import type { DescribeFlowResponse } from "@aws-sdk/client-appflow";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { connectorHref } from "../connectors/links";
import { formatTime } from "../format";
import { href } from "../router";
import { common } from "../strings/common";
import { flow as strings, flows } from "../strings/flows";
import { triggers, wordFor } from "../strings/operators";
import { destinationFacts, type Fact, sourceFacts } from "./sides";
import { flowStatus, runStatus } from "./status";

type Pair = KeyValuePairsProps.Pair;

interface OverviewProps {
  flow: DescribeFlowResponse;
  nameOf: (type: string | undefined, label?: string | undefined) => string;
}

export function Overview({ flow, nameOf }: OverviewProps) {
  const source = flow.sourceFlowConfig;
  const destination = flow.destinationFlowConfigList?.[0];
  return (
    <Container header={<Header variant="h2">{strings.details}</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { type: "group", title: strings.general, items: general(flow) },
          {
            type: "group",
            title: strings.source,
            items: side(source, sourceFacts(source), nameOf),
          },
          {
            type: "group",
            title: strings.destination,
            items: side(destination, destinationFacts(destination), nameOf),
          },
          { type: "group", title: strings.triggerAndHistory, items: trigger(flow) },
        ]}
      />
    </Container>
  );
}

function general(flow: DescribeFlowResponse): Pair[] {
  const status = flowStatus(flow.flowStatus);
  const items: Pair[] = [
    { label: strings.status, value: <StatusIndicator type={status.type}>{status.text}</StatusIndicator> },
  ];
  if (flow.flowStatusMessage) items.push({ label: strings.statusMessage, value: flow.flowStatusMessage });
  items.push(
    { label: strings.description, value: flow.description || common.none },
    {
      label: strings.arn,
      value: (
        <CopyToClipboard
          variant="inline"
          textToCopy={flow.flowArn ?? ""}
          copyButtonAriaLabel={strings.copyArn}
          copySuccessText={flows.copied}
          copyErrorText={flows.copyFailed}
        />
      ),
    },
    { label: strings.kmsArn, value: flow.kmsArn || strings.kmsDefault },
  );
  if (flow.schemaVersion !== undefined) items.push({ label: strings.schemaVersion, value: String(flow.schemaVersion) });
  return items;
}

function When({ time, who }: { time: Date | undefined; who: string | undefined }) {
  return (
    <>
      <div>{formatTime(time)}</div>
      {who === undefined ? null : <Box color="text-body-secondary">{who}</Box>}
    </>
  );
}

interface Side {
  connectorType?: string | undefined;
  connectorProfileName?: string | undefined;
  apiVersion?: string | undefined;
  incrementalPullConfig?: { datetimeTypeFieldName?: string | undefined } | undefined;
}

function side(config: Side | undefined, facts: Fact[], nameOf: OverviewProps["nameOf"]): Pair[] {
  const type = config?.connectorType;
  const connection = config?.connectorProfileName;
  const items: Pair[] = [
    {
      label: strings.connector,
      value: type === undefined ? common.none : <Link href={connectorHref(type)}>{nameOf(type)}</Link>,
    },
    {
      label: strings.connection,
      value: connection ? <Link href={href("connections", "view", connection)}>{connection}</Link> : strings.noConnection,
    },
    ...facts.map(({ label, value }) => ({ label, value })),
  ];
  if (config?.apiVersion) items.push({ label: strings.apiVersion, value: config.apiVersion });
  const field = config?.incrementalPullConfig?.datetimeTypeFieldName;
  if (field) items.push({ label: strings.incrementalField, value: field });
  return items;
}

function trigger(flow: DescribeFlowResponse): Pair[] {
  const type = flow.triggerConfig?.triggerType;
  const items: Pair[] = [
    { label: strings.trigger, value: type === undefined ? common.none : wordFor(triggers, type) },
  ];
  const add = (label: string, value: string | undefined) => {
    if (value !== undefined && value !== "") items.push({ label, value });
  };
  const scheduled = flow.triggerConfig?.triggerProperties?.Scheduled;
  if (scheduled !== undefined) {
    const time = (moment: Date | undefined) => (moment === undefined ? undefined : formatTime(moment));
    add(strings.schedule, scheduled.scheduleExpression);
    add(strings.pullMode, scheduled.dataPullMode && wordFor(strings.pullModes, scheduled.dataPullMode));
    add(strings.scheduleStart, time(scheduled.scheduleStartTime));
    add(strings.scheduleEnd, time(scheduled.scheduleEndTime));
    add(strings.timezone, scheduled.timezone);
    add(strings.offset, scheduled.scheduleOffset === undefined ? undefined : strings.offsetValue(scheduled.scheduleOffset));
    add(strings.firstFrom, time(scheduled.firstExecutionFrom));
    const threshold = scheduled.flowErrorDeactivationThreshold;
    add(strings.deactivation, threshold === undefined ? undefined : strings.deactivationValue(threshold));
  }
  const last = flow.lastRunExecutionDetails;
  if (last?.mostRecentExecutionStatus === undefined) {
    items.push({
      label: strings.lastRun,
      value: <StatusIndicator type="pending">{flows.neverRan}</StatusIndicator>,
    });
  } else {
    const status = runStatus(last.mostRecentExecutionStatus);
    items.push({
      label: strings.lastRun,
      value: (
        <>
          <StatusIndicator type={status.type}>{status.text}</StatusIndicator>
          <div>{formatTime(last.mostRecentExecutionTime)}</div>
        </>
      ),
    });
  }
  items.push(
    { label: strings.created, value: <When time={flow.createdAt} who={flow.createdBy} /> },
    { label: strings.updated, value: <When time={flow.lastUpdatedAt} who={flow.lastUpdatedBy} /> },
  );
  return items;
}
