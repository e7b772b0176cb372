// All flows, in a table.
import type { FlowDefinition } from "@aws-sdk/client-appflow";
import { type PropertyFilterProperty, useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Header from "@cloudscape-design/components/header";
import LiveRegion from "@cloudscape-design/components/live-region";
import Pagination from "@cloudscape-design/components/pagination";
import PropertyFilter from "@cloudscape-design/components/property-filter";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useMemo, useState } from "react";
import { useConnectorNames } from "../connectors/useCatalogue";
import { formatCount } from "../format";
import { navigate } from "../router";
import { Failure } from "../shell/Failure";
import { InfoLink } from "../shell/InfoLink";
import { useNotifications } from "../shell/notifications";
import { focusHeading, Page } from "../shell/Page";
import { flows as strings } from "../strings/flows";
import { columnsOf, FILTERS, filterOptions, type FlowRow, rowOf } from "./columns";
import { DeleteFlow } from "./DeleteFlow";
import { EmptyFlows } from "./EmptyFlows";
import { flowsHelp } from "./help";
import { flowHref } from "./links";
import { COLUMN_IDS, loadPreferences, PAGE_SIZES, storePreferences } from "./preferences";
import { startFlow } from "./start";
import { useFlows } from "./useFlows";

const COLUMNS = columnsOf();

export function FlowsPage() {
  const { flows, loading, error, reload } = useFlows();
  const nameOf = useConnectorNames();
  const rows = useMemo(() => flows.map((flow) => rowOf(flow, nameOf)), [flows, nameOf]);
  const options = useMemo(() => filterOptions(rows), [rows]);
  const [preferences, setPreferences] = useState(loadPreferences);
  const notify = useNotifications();
  const [deleted, setDeleted] = useState<string>();
  const [starting, setStarting] = useState(false);

  const { items, collectionProps, propertyFilterProps, paginationProps, filteredItemsCount, actions } =
    useCollection<FlowRow>(rows, {
      propertyFiltering: {
        filteringProperties: FILTERS as PropertyFilterProperty[],
        filteringOptions: options,
        empty: <EmptyFlows />,
        noMatch: (
          <NoMatch onClear={() => actions.setPropertyFiltering({ tokens: [], operation: "and" })} />
        ),
      },
      pagination: { pageSize: preferences.pageSize },
      sorting: { defaultState: { sortingColumn: { sortingField: "name" } } },
      selection: { trackBy: "name" },
    });
  const selected = collectionProps.selectedItems?.[0];
  const filtered = propertyFilterProps.query.tokens.length > 0;
  const count = filtered ? `(${formatCount(filteredItemsCount)}/${total(rows, loading)})` : `(${total(rows, loading)})`;

  const run = async (flow: FlowDefinition) => {
    const name = flow.flowName ?? "";
    setStarting(true);
    try {
      await startFlow(name);
      navigate(flowHref(name, "history"));
    } catch (problem) {
      setStarting(false);
      notify.error(problem, strings.runFailed(name));
    }
  };

  return (
    <Page title={strings.title} breadcrumbs={[]} help={flowsHelp} contentType="table" hideHeader>
      <Table<FlowRow>
        {...collectionProps}
        variant="full-page"
        stickyHeader
        enableKeyboardNavigation
        selectionType="single"
        items={items}
        columnDefinitions={COLUMNS}
        columnDisplay={preferences.contentDisplay}
        wrapLines={preferences.wrapLines}
        contentDensity={preferences.contentDensity}
        resizableColumns
        loading={loading && rows.length === 0}
        loadingText={strings.loading}
        ariaLabels={{
          tableLabel: strings.table,
          selectionGroupLabel: strings.table,
          itemSelectionLabel: (_, row) => strings.selectFlow(row.name),
        }}
        empty={error === undefined ? collectionProps.empty : <Failure error={error} header={strings.loadFailed} retry={reload} />}
        header={
          <Header
            variant="awsui-h1-sticky"
            counter={rows.length === 0 && (loading || error !== undefined) ? undefined : count}
            info={<InfoLink help={flowsHelp} />}
            description={strings.description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={strings.refresh} loading={loading} onClick={reload} />
                <Button
                  disabled={selected === undefined}
                  onClick={() => selected !== undefined && navigate(flowHref(selected.name))}
                >
                  {strings.viewDetails}
                </Button>
                <Button disabled={selected === undefined} onClick={() => setDeleted(selected?.name)}>
                  {strings.delete}
                </Button>
                <Button
                  variant="primary"
                  disabled={selected === undefined}
                  loading={starting}
                  onClick={() => selected !== undefined && void run(selected.flow)}
                >
                  {selected?.flow.triggerType === undefined || selected.flow.triggerType === "OnDemand"
                    ? strings.run
                    : strings.activate}
                </Button>
              </SpaceBetween>
            }
          >
            {strings.title}
          </Header>
        }
        filter={
          <SpaceBetween size="xs">
            <PropertyFilter
              {...propertyFilterProps}
              countText={strings.matches(filteredItemsCount ?? 0)}
              expandToViewport
              filteringPlaceholder={strings.filterPlaceholder}
              filteringAriaLabel={strings.filterLabel}
            />
            {error === undefined || rows.length === 0 ? null : (
              <Failure error={error} header={strings.loadFailed} retry={reload} />
            )}
          </SpaceBetween>
        }
        pagination={<Pagination {...paginationProps} />}
        preferences={
          <CollectionPreferences
            title={strings.preferences}
            preferences={preferences}
            onConfirm={({ detail }) => setPreferences(storePreferences(detail))}
            pageSizePreference={{
              title: strings.pageSize,
              options: PAGE_SIZES.map((size) => ({ value: size, label: strings.pageSizeOption(size) })),
            }}
            wrapLinesPreference={{}}
            contentDensityPreference={{}}
            contentDisplayPreference={{
              title: strings.columns,
              options: COLUMN_IDS.map((id) => ({
                id,
                label: COLUMNS.find((column) => column.id === id)?.header ?? id,
                alwaysVisible: id === "name",
              })),
            }}
          />
        }
      />
      <LiveRegion hidden>
        {loading ? strings.loadingMore(formatCount(rows.length)) : strings.loaded(formatCount(rows.length))}
      </LiveRegion>
      {deleted === undefined ? null : (
        <DeleteFlow
          name={deleted}
          onClose={() => setDeleted(undefined)}
          onDeleted={() => {
            setDeleted(undefined);
            actions.setSelectedItems([]);
            reload();
            // The button that opened the dialog is disabled now and cannot take the focus back.
            setTimeout(focusHeading);
          }}
        />
      )}
    </Page>
  );
}

function total(rows: readonly FlowRow[], loading: boolean): string {
  return loading ? `${formatCount(rows.length)}+` : formatCount(rows.length);
}

function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <Box textAlign="center" padding={{ vertical: "l" }}>
      <SpaceBetween size="m">
        <Box variant="strong">{strings.noMatchTitle}</Box>
        <Box variant="p">{strings.noMatchText}</Box>
        <Button onClick={onClear}>{strings.clearFilter}</Button>
      </SpaceBetween>
    </Box>
  );
}
