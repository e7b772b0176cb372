// The flows that use a connection.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Pagination from "@cloudscape-design/components/pagination";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useState } from "react";
import { errorText } from "../api/client";
import { describeUsage, type UsingFlow } from "../api/extensions";
import { flowStatus, runStatus, type Status } from "../flows/status";
import { formatTime } from "../format";
import { href } from "../router";
import { common } from "../strings/common";
import { connections as words, details as strings } from "../strings/connections";
import { useLoad } from "../api/useLoad";

const PAGE_SIZE = 10;

/** As the pages of flows show and call it. */
function Shown({ type, text }: Status) {
  return <StatusIndicator type={type}>{text}</StatusIndicator>;
}

const columns: readonly TableProps.ColumnDefinition<UsingFlow>[] = [
  {
    id: "name",
    header: strings.flowColumns.name,
    isRowHeader: true,
    cell: (flow) => <Link href={href("flows", "view", flow.flowName)}>{flow.flowName}</Link>,
  },
  { id: "status", header: strings.flowColumns.status, cell: (flow) => <Shown {...flowStatus(flow.flowStatus)} /> },
  {
    id: "lastRun",
    header: strings.flowColumns.lastRun,
    cell: (flow) => (flow.lastRun?.startedAt === undefined ? strings.neverRun : formatTime(flow.lastRun.startedAt)),
  },
  {
    id: "result",
    header: strings.flowColumns.lastRunStatus,
    cell: ({ lastRun }) =>
      lastRun === undefined || lastRun === null ? (
        common.none
      ) : (
        <Shown {...runStatus(lastRun.executionStatus)} />
      ),
  },
];

export function UsageTable({ name }: { readonly name: string }) {
  const usage = useLoad(name, (signal) => describeUsage(name, signal));
  const [page, setPage] = useState(1);
  const flows = usage.data?.flows ?? [];
  const pages = Math.max(1, Math.ceil(flows.length / PAGE_SIZE));
  return (
    <Table<UsingFlow>
      items={flows.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)}
      columnDefinitions={columns}
      trackBy="flowName"
      enableKeyboardNavigation
      loading={usage.loading && usage.data === undefined}
      loadingText={common.loading}
      ariaLabels={{ tableLabel: strings.usedBy }}
      header={
        <Header
          variant="h2"
          counter={usage.data === undefined ? "" : `(${flows.length})`}
          description={strings.usedByDescription}
          actions={
            <Button
              iconName="refresh"
              ariaLabel={words.refreshDetails}
              loading={usage.loading && usage.data !== undefined}
              onClick={usage.reload}
            />
          }
        >
          {strings.usedBy}
        </Header>
      }
      pagination={
        pages === 1 ? null : (
          <Pagination
            currentPageIndex={page}
            pagesCount={pages}
            onChange={({ detail }) => setPage(detail.currentPageIndex)}
            ariaLabels={{
              nextPageLabel: words.pages.next,
              previousPageLabel: words.pages.previous,
              pageLabel: (index) => words.pages.page(index, pages),
            }}
          />
        )
      }
      empty={
        usage.error === undefined ? (
          <Box textAlign="center" color="inherit" margin={{ vertical: "xs" }}>
            <b>{strings.noFlows}</b>
            <Box variant="p" color="inherit">
              {strings.noFlowsText}
            </Box>
          </Box>
        ) : (
          <Alert type="error">{errorText(usage.error)}</Alert>
        )
      }
    />
  );
}
