// The runs of a flow, newest first.
import type { ExecutionRecord } from "@aws-sdk/client-appflow";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import LiveRegion from "@cloudscape-design/components/live-region";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import { serverNow } from "../api/clock";
import { formatBytes, formatCount, formatDuration, formatTime } from "../format";
import { Failure } from "../shell/Failure";
import { common } from "../strings/common";
import { flows, runs as strings } from "../strings/flows";
import { EmptyTab } from "./EmptyTab";
import { durationOf, PAGE_SIZE } from "./runs";
import { runStatus } from "./status";
import type { FollowedRuns } from "./useRuns";
import "./flows.css";

export function RunHistory({ runs }: { runs: FollowedRuns }) {
  const [page, setPage] = useState(1);
  const all = runs.runs;
  const pages = Math.max(1, Math.ceil(all.length / PAGE_SIZE));
  const shown = all.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  const newest = all[0];

  const turnTo = async (wanted: number) => {
    if (wanted > pages || wanted * PAGE_SIZE > all.length) await runs.loadMore();
    setPage(wanted);
  };

  return (
    <>
      <Table<ExecutionRecord>
        variant="container"
        wrapLines
        resizableColumns
        enableKeyboardNavigation
        items={shown}
        trackBy={(run) => run.executionId ?? ""}
        loading={!runs.loaded && runs.loading}
        loadingText={strings.loading}
        ariaLabels={{ tableLabel: strings.table }}
        columnDefinitions={COLUMNS}
        header={
          <Header
            variant="h2"
            counter={runs.loaded ? `(${formatCount(all.length)}${runs.nextToken === undefined ? "" : "+"})` : undefined}
            description={strings.description}
            actions={
              <SpaceBetween direction="horizontal" size="s" alignItems="center">
                {runs.liveness === "live" ? <StatusIndicator type="in-progress">{strings.live}</StatusIndicator> : null}
                <Button iconName="refresh" ariaLabel={strings.refresh} loading={runs.loading} onClick={runs.refresh} />
              </SpaceBetween>
            }
          >
            {strings.title}
          </Header>
        }
        filter={
          runs.error === undefined || all.length === 0 ? undefined : (
            <Failure error={runs.error} header={strings.loadFailed} retry={runs.refresh} />
          )
        }
        pagination={
          pages > 1 || runs.nextToken !== undefined ? (
            <Pagination
              currentPageIndex={page}
              pagesCount={pages}
              openEnd={runs.nextToken !== undefined}
              disabled={runs.loading && page === pages}
              ariaLabels={{
                nextPageLabel: strings.nextPage,
                previousPageLabel: strings.previousPage,
                pageLabel: strings.page,
              }}
              onChange={({ detail }) => void turnTo(detail.currentPageIndex)}
            />
          ) : undefined
        }
        empty={
          runs.error === undefined ? (
            <EmptyTab title={strings.emptyTitle} text={strings.emptyText} />
          ) : (
            <Failure error={runs.error} header={strings.loadFailed} retry={runs.refresh} />
          )
        }
      />
      <LiveRegion hidden>
        {newest === undefined ? "" : strings.announce(newest.executionId ?? "", runStatus(newest.executionStatus).text)}
      </LiveRegion>
    </>
  );
}

const COLUMNS = [
  {
    id: "started",
    header: strings.started,
    isRowHeader: true,
    width: 185,
    cell: (run: ExecutionRecord) => formatTime(run.startedAt),
  },
  {
    id: "status",
    header: strings.status,
    width: 145,
    cell: (run: ExecutionRecord) => {
      const status = runStatus(run.executionStatus);
      return <StatusIndicator type={status.type}>{status.text}</StatusIndicator>;
    },
  },
  {
    id: "duration",
    header: strings.duration,
    width: 120,
    cell: (run: ExecutionRecord) => formatDuration(durationOf(run, serverNow())),
  },
  {
    id: "records",
    header: strings.records,
    width: 130,
    cell: (run: ExecutionRecord) => formatCount(run.executionResult?.recordsProcessed),
  },
  {
    id: "processed",
    header: strings.bytesProcessed,
    width: 130,
    cell: (run: ExecutionRecord) => formatBytes(run.executionResult?.bytesProcessed),
  },
  {
    id: "written",
    header: strings.bytesWritten,
    width: 120,
    cell: (run: ExecutionRecord) => formatBytes(run.executionResult?.bytesWritten),
  },
  { id: "error", header: strings.error, width: 320, cell: (run: ExecutionRecord) => <ErrorText run={run} /> },
  {
    id: "executionId",
    header: strings.executionId,
    width: 340,
    cell: (run: ExecutionRecord) => (
      <CopyToClipboard
        variant="inline"
        textToCopy={run.executionId ?? ""}
        copyButtonAriaLabel={strings.copyId}
        copySuccessText={flows.copied}
        copyErrorText={flows.copyFailed}
        popoverRenderWithPortal
      />
    ),
  },
];

/** More than this does not fit into a row. */
const SHORT = 90;

function ErrorText({ run }: { run: ExecutionRecord }) {
  const info = run.executionResult?.errorInfo;
  const text = info?.executionMessage ?? "";
  const refused = info?.putFailuresCount ? strings.putFailures(formatCount(info.putFailuresCount)) : "";
  if (text === "") return <>{refused || common.none}</>;
  if (text.length <= SHORT && !text.includes("\n")) return <Whole text={text} refused={refused} plain />;
  const firstLine = text.split("\n", 1)[0] ?? "";
  const beginning = firstLine.length > SHORT ? `${firstLine.slice(0, SHORT)}…` : firstLine;
  return (
    <ExpandableSection variant="inline" headerText={beginning} headerAriaLabel={`${strings.showError}: ${beginning}`}>
      <Whole text={text} refused={refused} />
    </ExpandableSection>
  );
}

function Whole({ text, refused, plain = false }: { text: string; refused: string; plain?: boolean }) {
  return (
    <SpaceBetween size="xxs">
      {plain ? (
        <span>{text}</span>
      ) : (
        // A long text scrolls, and what scrolls must be reachable by keyboard.
        <pre className="tg-error-text" tabIndex={0} aria-label={strings.error}>
          {text}
        </pre>
      )}
      {refused === "" ? null : <Box>{refused}</Box>}
      <CopyToClipboard
        variant="icon"
        textToCopy={text}
        copyButtonAriaLabel={strings.copyError}
        copySuccessText={flows.copied}
        copyErrorText={flows.copyFailed}
        popoverRenderWithPortal
      />
    </SpaceBetween>
  );
}
