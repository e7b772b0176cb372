// One flow: what it does, and how its runs went.
import type { ExecutionRecord } from "@aws-sdk/client-appflow";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Tabs from "@cloudscape-design/components/tabs";
import { useMemo, useRef, useState } from "react";
import { useConnectorNames } from "../connectors/useCatalogue";
import { isMissing } from "../api/errors";
import { href, navigate } from "../router";
import { Failure } from "../shell/Failure";
import { useNotifications } from "../shell/notifications";
import { Missing } from "../shell/Missing";
import { Page } from "../shell/Page";
import { flow as strings, flows } from "../strings/flows";
import { DeleteFlow } from "./DeleteFlow";
import { tellEnd } from "./ended";
import { FieldsTab } from "./FieldsTab";
import { FiltersTab } from "./FiltersTab";
import { flowHelp } from "./help";
import { flowHref, type Tab, tabOf } from "./links";
import { OutputTab } from "./OutputTab";
import { Overview } from "./Overview";
import { RunBanner } from "./RunBanner";
import { RunHistory } from "./RunHistory";
import { startFlow } from "./start";
import { flowStatus } from "./status";
import { TagsTab } from "./TagsTab";
import { readTasks } from "./tasks";
import { useFlow } from "./useFlow";
import { useRuns } from "./useRuns";

interface FlowPageProps {
  name: string;
  tab: string | undefined;
}

export function FlowPage({ name, tab }: FlowPageProps) {
  const { data: flow, loading, error, reload } = useFlow(name);
  const notify = useNotifications();
  const nameOf = useConnectorNames();
  const [starting, setStarting] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const tasks = useMemo(() => readTasks(flow?.tasks ?? []), [flow]);
  const tabs = useRef<HTMLDivElement>(null);
  const show = (next: Tab) => navigate(flowHref(name, next), { replace: true });

  const runs = useRuns(name, (run: ExecutionRecord) => {
    tellEnd(notify, name, run, flow?.destinationFlowConfigList?.[0]);
    reload();
  });

  const refresh = () => {
    reload();
    runs.refresh();
  };

  const run = async () => {
    setStarting(true);
    try {
      await startFlow(name);
      show("history");
      refresh();
      tabs.current?.scrollIntoView({ block: "start" });
    } catch (problem) {
      notify.error(problem, flows.runFailed(name));
    } finally {
      setStarting(false);
    }
  };

  const missing = isMissing(error);
  const status = flow === undefined || missing ? undefined : flowStatus(flow.flowStatus);
  const onDemand = flow?.triggerConfig?.triggerType === "OnDemand";
  return (
    <Page
      title={missing ? strings.notFoundTitle : name}
      description={status === undefined ? undefined : <StatusIndicator type={status.type}>{status.text}</StatusIndicator>}
      breadcrumbs={[{ text: flows.title, href: href("flows") }]}
      help={flowHelp}
      actions={
        flow === undefined || missing ? undefined : (
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="refresh" ariaLabel={strings.refresh} loading={loading} onClick={refresh} />
            <Button onClick={() => setDeleting(true)}>{flows.delete}</Button>
            <Button variant="primary" loading={starting} onClick={() => void run()}>
              {onDemand ? flows.run : flows.activate}
            </Button>
          </SpaceBetween>
        )
      }
    >
      {missing ? (
        <Missing
          title={strings.notFoundTitle}
          text={strings.notFoundText(name)}
          back={{ text: strings.backToFlows, href: href("flows") }}
        />
      ) : flow === undefined ? (
        error === undefined ? (
          <Box textAlign="center" padding="xxl">
            <span role="status" aria-label={strings.loading}>
              <Spinner size="large" />
            </span>
          </Box>
        ) : (
          <SpaceBetween size="m">
            <Failure error={error} header={strings.loadFailed} retry={reload} />
            <Button href={href("flows")}>{strings.backToFlows}</Button>
          </SpaceBetween>
        )
      ) : (
        <SpaceBetween size="l">
          {error === undefined ? null : <Failure error={error} header={strings.loadFailed} retry={reload} />}
          <RunBanner name={name} runs={runs.runs} liveness={runs.liveness} onResume={runs.refresh} />
          <Overview flow={flow} nameOf={nameOf} />
          <div ref={tabs} className="tg-tabs">
            <Tabs
              ariaLabel={strings.tabs.label}
              activeTabId={tabOf(tab)}
              onChange={({ detail }) => show(tabOf(detail.activeTabId))}
              tabs={[
                { id: "fields", label: strings.tabs.fields, content: <FieldsTab tasks={tasks} /> },
                {
                  id: "filters",
                  label: `${strings.tabs.filters} (${tasks.filters.length})`,
                  content: <FiltersTab filters={tasks.filters} />,
                },
                { id: "output", label: strings.tabs.output, content: <OutputTab flow={flow} tasks={tasks} /> },
                { id: "tags", label: strings.tabs.tags, content: <TagsTab tags={flow.tags ?? {}} /> },
                { id: "history", label: strings.tabs.history, content: <RunHistory runs={runs} /> },
              ]}
            />
          </div>
        </SpaceBetween>
      )}
      {deleting ? (
        <DeleteFlow name={name} onClose={() => setDeleting(false)} onDeleted={() => navigate(href("flows"))} />
      ) : null}
    </Page>
  );
}
