// "Manage connections": the connections of an application, or of all.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { listConnections, type ConnectionSummary } from "../api/extensions";
import { href, navigate, useRoute } from "../router";
import { Failure } from "../shell/Failure";
import { InfoLink } from "../shell/InfoLink";
import { useNotifications } from "../shell/notifications";
import { Page } from "../shell/Page";
import { common } from "../strings/common";
import { connections as strings, deletion } from "../strings/connections";
import { takeAhead } from "./ahead";
import { columnsFor, viewHref } from "./columns";
import { hasConnections, isKnownConnector, loadConnectors, nameOfConnector } from "./connectors";
import { EmptyList, NoMatch, UnknownConnector } from "./empty";
import { listHelp } from "./help";
import { ListFilters } from "./ListFilters";
import { defaultPreferences, PAGE_SIZES, readPreferences, type TablePreferences, writePreferences } from "./preferences";
import { createHref, listHref, listInput, type ListState, pageCount, parseList } from "./query";
import { useLoad } from "../api/useLoad";
import { useTest } from "./useTest";

const NO_BREADCRUMBS: never[] = [];

const DeleteModal = lazy(() => import("./DeleteModal").then(({ DeleteModal }) => ({ default: DeleteModal })));

export default function ListPage() {
  const { query } = useRoute();
  const state = useMemo(() => parseList(query), [query]);
  const [preferences, setPreferences] = useState(readPreferences);
  const [selectedName, setSelectedName] = useState<string>();
  const [deleting, setDeleting] = useState<string>();
  const [isDeleteOpen, setDeleteOpen] = useState(false);
  const notifications = useNotifications();
  const input = listInput(state, preferences.pageSize);
  const key = JSON.stringify(input);
  const [first] = useState(() => takeAhead(key));
  const list = useLoad(key, (signal) => listConnections(input, signal), { keep: true, first });
  // What comes first on the page comes first over the wire.
  const hasAnswer = list.data !== undefined || list.error !== undefined;
  const connectors = useLoad(hasAnswer ? "all" : undefined, () => loadConnectors());
  const { reload } = list;
  const { testing, test } = useTest(reload);
  const columns = useMemo(() => columnsFor(connectors.data ?? [], testing), [connectors.data, testing]);

  const items = list.data?.connectorProfiles ?? [];
  const total = list.data?.total ?? 0;
  const pages = pageCount(total, preferences.pageSize);
  const selected = items.find((item) => item.connectorProfileName === selectedName);
  const sorted = columns.find((column) => column.sortingField === state.sortBy);

  const go = useCallback(
    (change: Partial<ListState>, replace = false) => {
      const isOtherList = change.page === undefined;
      navigate(listHref({ ...state, ...change, ...(isOtherList ? { page: 1 } : {}) }), { replace });
    },
    [state],
  );

  // After a deletion, or by an old link, a page may lie behind the last one.
  const isBehind = list.data !== undefined && !list.loading && state.page > pages;
  useEffect(() => {
    if (isBehind) go({ page: pages }, true);
  }, [isBehind, go, pages]);

  const isFiltered = state.nameContains !== "" || state.health !== undefined;
  const connectorName =
    state.connectorType === undefined
      ? undefined
      : nameOfConnector(connectors.data ?? [], state.connectorType, state.connectorLabel);

  // A connector that was unregistered may have left connections behind; those are shown.
  const isUnknown =
    state.connectorType !== undefined &&
    connectors.data !== undefined &&
    items.length === 0 &&
    !isKnownConnector(connectors.data, state.connectorType, state.connectorLabel);
  const newHref = isUnknown ? createHref() : createHref(state.connectorType, state.connectorLabel);

  const act = (action: string, item: ConnectionSummary) => {
    const name = item.connectorProfileName;
    if (action === "view") navigate(viewHref(name));
    else if (action === "edit") navigate(href("connections", "edit", name));
    else if (action === "copy") navigate(href("connections", "copy", name));
    else if (action === "test") void test(name);
    else {
      setDeleting(name);
      setDeleteOpen(true);
    }
  };

  const changePreferences = (changed: TablePreferences) => {
    setPreferences(changed);
    writePreferences(changed);
    if (changed.pageSize !== preferences.pageSize && state.page !== 1) go({ page: 1 }, true);
  };

  return (
    <Page title={strings.title} breadcrumbs={NO_BREADCRUMBS} help={listHelp} contentType="table" hideHeader>
      <Table<ConnectionSummary>
        variant="full-page"
        stickyHeader
        trackBy="connectorProfileName"
        items={items}
        columnDefinitions={columns}
        columnDisplay={preferences.contentDisplay}
        wrapLines={preferences.wrapLines}
        resizableColumns
        enableKeyboardNavigation
        loading={list.loading && list.data === undefined}
        loadingText={strings.loadingList}
        totalItemsCount={total}
        firstIndex={(state.page - 1) * preferences.pageSize + 1}
        renderAriaLive={({ firstIndex, lastIndex, totalItemsCount }) =>
          strings.rows(firstIndex, lastIndex, totalItemsCount ?? total)
        }
        selectionType="single"
        selectedItems={selected === undefined ? [] : [selected]}
        onSelectionChange={({ detail }) => setSelectedName(detail.selectedItems[0]?.connectorProfileName)}
        ariaLabels={{
          tableLabel: strings.listLabel,
          selectionGroupLabel: strings.selection.group,
          itemSelectionLabel: (_, item) => strings.selection.item(item.connectorProfileName),
        }}
        {...(sorted === undefined ? {} : { sortingColumn: sorted })}
        sortingDescending={state.descending}
        onSortingChange={({ detail }) => {
          const column = columns.find((one) => one.sortingField === detail.sortingColumn.sortingField);
          if (column !== undefined) go({ sortBy: column.sortingField, descending: detail.isDescending ?? false });
        }}
        header={
          <Header
            variant="awsui-h1-sticky"
            counter={list.data === undefined ? "" : `(${total})`}
            description={strings.manageDescription}
            info={<InfoLink help={listHelp} />}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button
                  iconName="refresh"
                  ariaLabel={strings.refresh}
                  loading={list.loading && list.data !== undefined}
                  onClick={reload}
                />
                <ButtonDropdown
                  items={[
                    { id: "view", text: strings.view },
                    { id: "edit", text: strings.edit },
                    { id: "copy", text: strings.copy },
                    { id: "test", text: strings.test },
                    { id: "delete", text: strings.delete },
                  ]}
                  disabled={selected === undefined}
                  {...(selected === undefined ? { disabledReason: strings.selectOne } : {})}
                  onItemClick={({ detail }) => {
                    if (selected !== undefined) act(detail.id, selected);
                  }}
                >
                  {common.actions}
                </ButtonDropdown>
                <Button variant="primary" onClick={() => navigate(newHref)}>
                  {strings.create}
                </Button>
              </SpaceBetween>
            }
          >
            {strings.manage}
          </Header>
        }
        filter={<ListFilters state={state} connectors={connectors} total={list.loading ? undefined : total} onChange={go} />}
        pagination={
          <Pagination
            currentPageIndex={Math.min(state.page, pages)}
            pagesCount={pages}
            onChange={({ detail }) => go({ page: detail.currentPageIndex })}
            ariaLabels={{
              nextPageLabel: strings.pages.next,
              previousPageLabel: strings.pages.previous,
              pageLabel: (page) => strings.pages.page(page, pages),
            }}
          />
        }
        preferences={
          <CollectionPreferences
            title={strings.preferences.title}
            confirmLabel={strings.preferences.confirm}
            cancelLabel={strings.preferences.cancel}
            preferences={preferences}
            onConfirm={({ detail }) =>
              changePreferences({
                pageSize: detail.pageSize ?? defaultPreferences.pageSize,
                wrapLines: detail.wrapLines ?? false,
                contentDisplay: detail.contentDisplay ?? defaultPreferences.contentDisplay,
              })
            }
            pageSizePreference={{
              title: strings.preferences.pageSize,
              options: PAGE_SIZES.map((value) => ({ value, label: strings.preferences.pageSizeOption(value) })),
            }}
            wrapLinesPreference={{
              label: strings.preferences.wrap,
              description: strings.preferences.wrapDescription,
            }}
            contentDisplayPreference={{
              title: strings.preferences.columns,
              description: strings.preferences.columnsDescription,
              options: columns.map((column) => ({
                id: column.id ?? "",
                label: String(column.header),
                ...(column.id === "name" ? { alwaysVisible: true } : {}),
              })),
            }}
          />
        }
        empty={
          isUnknown ? (
            <UnknownConnector name={state.connectorLabel ?? state.connectorType ?? ""} />
          ) : list.error !== undefined ? (
            <Box padding="s">
              <Failure error={list.error} header={strings.listFailed} retry={reload} />
            </Box>
          ) : isFiltered ? (
            <NoMatch onClear={() => go({ nameContains: "", health: undefined })} />
          ) : (
            <EmptyList
              connectorName={connectorName}
              canCreate={state.connectorType === undefined || hasConnections(state.connectorType)}
              createHref={newHref}
            />
          )
        }
      />
      {deleting === undefined ? null : (
        <Suspense>
          <DeleteModal
            name={deleting}
            visible={isDeleteOpen}
            onDismiss={() => setDeleteOpen(false)}
            onDeleted={(name) => {
              setDeleteOpen(false);
              setSelectedName(undefined);
              notifications.success(deletion.done(name));
              reload();
            }}
          />
        </Suspense>
      )}
    </Page>
  );
}
