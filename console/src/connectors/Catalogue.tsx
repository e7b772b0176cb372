// The catalogue: a card for each connector, with search and filters.
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Cards from "@cloudscape-design/components/cards";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import TextFilter from "@cloudscape-design/components/text-filter";
import Grid from "@cloudscape-design/components/grid";
import { useDeferredValue, useMemo } from "react";
import { Page } from "../shell/Page";
import { createStore, useStore } from "../shell/store";
import { authenticationNames, connectors as strings } from "../strings/connectors";
import { triggers, wordFor } from "../strings/operators";
import { InfoLink } from "../shell/InfoLink";
import { Failure } from "../shell/Failure";
import {
  AUTHENTICATIONS,
  authentications,
  type CatalogueFilter,
  type Connector,
  EVERYTHING,
  fits,
  inOrder,
} from "./catalogue";
import { connectorHref } from "./links";
import { catalogueHelp } from "./help";
import { useCatalogue } from "./useCatalogue";

/** Kept while one looks at a connector and comes back. */
const filters = createStore<CatalogueFilter>(EVERYTHING);

export function Catalogue() {
  const { connectors, listed, described, failures, error, reload } = useCatalogue(true);
  const filter = useStore(filters);
  // Typing stays quick; the cards follow.
  const wanted = useDeferredValue(filter);
  const shown = useMemo(
    () => inOrder(connectors.filter((connector) => fits(connector, wanted)), wanted.text),
    [connectors, wanted],
  );
  const filtered = filter.text !== "" || filter.role !== "" || filter.authentication !== "" || filter.trigger !== "";
  const failed = error !== undefined && connectors.length === 0;

  return (
    <Page title={strings.title} breadcrumbs={[]} help={catalogueHelp} contentType="cards" hideHeader>
      {failed ? (
        <SpaceBetween size="l">
          <Header variant="h1">{strings.title}</Header>
          <Failure error={error} header={strings.loadFailed} retry={reload} />
        </SpaceBetween>
      ) : (
        <Cards<Connector>
          variant="full-page"
          stickyHeader
          ariaLabels={{ itemSelectionLabel: (_, item) => item.name, selectionGroupLabel: strings.cards, cardsLabel: strings.cards }}
          trackBy="id"
          items={shown}
          loading={!listed && connectors.length === 0}
          loadingText={strings.loading}
          cardDefinition={card}
          cardsPerRow={[{ cards: 1 }, { minWidth: 560, cards: 2 }, { minWidth: 900, cards: 3 }, { minWidth: 1300, cards: 4 }]}
          header={
            <Header
              variant="awsui-h1-sticky"
              counter={counter(shown.length, connectors.length, listed)}
              info={<InfoLink help={catalogueHelp} />}
              description={strings.description}
              actions={
                <SpaceBetween direction="horizontal" size="s" alignItems="center">
                  {!listed || described || error !== undefined ? null : (
                    <StatusIndicator type="loading">{strings.particulars}</StatusIndicator>
                  )}
                  <Button iconName="refresh" ariaLabel={strings.refresh} onClick={reload} />
                </SpaceBetween>
              }
            >
              {strings.title}
            </Header>
          }
          filter={
            <SpaceBetween size="xs">
              <Filters filter={filter} connectors={connectors} shown={shown.length} filtered={filtered} />
              {failures === 0 ? null : (
                <StatusIndicator type="warning">{strings.particularsFailed(failures)}</StatusIndicator>
              )}
              {error === undefined ? null : <Failure error={error} header={strings.loadFailed} retry={reload} />}
            </SpaceBetween>
          }
          empty={
            <Box textAlign="center" padding={{ vertical: "l" }}>
              <SpaceBetween size="m">
                <Box variant="strong">{filtered ? strings.noMatchTitle : strings.emptyTitle}</Box>
                <Box variant="p">{filtered ? strings.noMatchText : strings.emptyText}</Box>
                {filtered ? <Button onClick={() => filters.set(EVERYTHING)}>{strings.clear}</Button> : null}
              </SpaceBetween>
            </Box>
          }
        />
      )}
    </Page>
  );
}

function counter(shown: number, all: number, listed: boolean): string {
  const total = listed ? String(all) : `${all}+`;
  return shown === all ? `(${total})` : `(${shown}/${total})`;
}

const card = {
  header: (connector: Connector) => (
    <Link href={connectorHref(connector.type, connector.label)} fontSize="inherit">
      {connector.name}
    </Link>
  ),
  sections: [
    { id: "description", content: (connector: Connector) => connector.description },
    {
      id: "roles",
      content: (connector: Connector) => (
        <SpaceBetween direction="horizontal" size="xs">
          {connector.source ? <Badge color="blue">{strings.source}</Badge> : null}
          {connector.destination ? <Badge color="green">{strings.destination}</Badge> : null}
        </SpaceBetween>
      ),
    },
    {
      id: "authentication",
      header: strings.authentication,
      content: (connector: Connector) =>
        connector.config === undefined
          ? "-"
          : authentications(connector.config)
              .map((kind) => authenticationNames[kind])
              .join(", "),
    },
    {
      id: "type",
      header: strings.type,
      content: (connector: Connector) =>
        connector.label === undefined ? connector.type : strings.typeAndLabel(connector.type, connector.label),
    },
  ],
};

interface FiltersProps {
  filter: CatalogueFilter;
  connectors: Connector[];
  shown: number;
  filtered: boolean;
}

function Filters({ filter, connectors, shown, filtered }: FiltersProps) {
  const change = (part: Partial<CatalogueFilter>): void => filters.set({ ...filters.get(), ...part });
  const kinds = [...new Set(connectors.flatMap((one) => one.config?.supportedTriggerTypes ?? []))].sort();
  return (
    <Grid
      gridDefinition={[
        { colspan: { default: 12, m: 6 } },
        { colspan: { default: 12, xs: 4, m: 2 } },
        { colspan: { default: 12, xs: 4, m: 2 } },
        { colspan: { default: 12, xs: 4, m: 2 } },
      ]}
    >
      <TextFilter
        filteringText={filter.text}
        filteringPlaceholder={strings.searchPlaceholder}
        filteringAriaLabel={strings.searchLabel}
        filteringClearAriaLabel={strings.clearSearch}
        countText={filtered ? strings.matches(shown) : ""}
        onChange={({ detail }) => change({ text: detail.filteringText })}
      />
      <Choice
        label={strings.role}
        any={strings.roleAny}
        value={filter.role}
        options={[
          ["source", strings.source],
          ["destination", strings.destination],
        ]}
        onChange={(role) => change({ role: role as CatalogueFilter["role"] })}
      />
      <Choice
        label={strings.authentication}
        any={strings.authenticationAny}
        value={filter.authentication}
        options={AUTHENTICATIONS.map((kind) => [kind, authenticationNames[kind]])}
        onChange={(kind) => change({ authentication: kind as CatalogueFilter["authentication"] })}
      />
      <Choice
        label={strings.trigger}
        any={strings.triggerAny}
        value={filter.trigger}
        options={kinds.map((kind) => [kind, wordFor(triggers, kind)])}
        onChange={(trigger) => change({ trigger })}
      />
    </Grid>
  );
}

interface ChoiceProps {
  label: string;
  any: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}

function Choice({ label, any, value, options, onChange }: ChoiceProps) {
  const all = [["", any], ...options].map(([id = "", text = ""]) => ({ value: id, label: text }));
  return (
    <Select
      ariaLabel={label}
      options={all}
      selectedOption={all.find((option) => option.value === value) ?? all[0] ?? null}
      onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
    />
  );
}
