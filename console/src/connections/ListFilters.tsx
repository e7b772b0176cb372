// What narrows the list: the connector, a part of the name, the health.
import "./connections.css";
import Select from "@cloudscape-design/components/select";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useEffect, useRef, useState } from "react";
import { connections as strings } from "../strings/connections";
import { ConnectorSelect } from "./ConnectorSelect";
import type { ConnectorChoice } from "./connectors";
import { HEALTHS, type ListState } from "./query";
import type { Load } from "../api/useLoad";

interface ListFiltersProps {
  readonly state: ListState;
  readonly connectors: Load<readonly ConnectorChoice[]>;
  /** The number of matches; undefined while it is not known. */
  readonly total: number | undefined;
  readonly onChange: (change: Partial<ListState>, replace?: boolean) => void;
}

/** So long a person may pause while typing before the server is asked. */
const TYPING_MS = 120;

export function ListFilters({ state, connectors, total, onChange }: ListFiltersProps) {
  const options = [
    { value: "", label: strings.anyHealth },
    ...HEALTHS.map((value) => ({ value, label: strings.health[value] ?? value })),
  ];
  return (
    <div className="connections-filters">
      <ConnectorSelect
        forList
        connectors={connectors}
        connectorType={state.connectorType}
        connectorLabel={state.connectorLabel}
        onChoose={(connectorType, connectorLabel) => onChange({ connectorType, connectorLabel })}
      />
      <NameFilter
        text={state.nameContains}
        total={total}
        onChange={(nameContains) => onChange({ nameContains }, true)}
      />
      <Select
        inlineLabelText={strings.healthFilter}
        options={options}
        selectedOption={options.find((one) => one.value === (state.health ?? "")) ?? null}
        onChange={({ detail }) => onChange({ health: detail.selectedOption.value || undefined })}
      />
    </div>
  );
}

interface NameFilterProps {
  readonly text: string;
  readonly total: number | undefined;
  readonly onChange: (text: string) => void;
}

function NameFilter({ text, total, onChange }: NameFilterProps) {
  const [typed, setTyped] = useState(text);
  const told = useRef(text);
  const latest = useRef(onChange);
  latest.current = onChange;
  // The address changed by other means: a link, the back button, "Clear filters".
  useEffect(() => {
    if (text !== told.current) {
      told.current = text;
      setTyped(text);
    }
  }, [text]);
  useEffect(() => {
    if (typed === told.current) return;
    const timer = setTimeout(() => {
      told.current = typed;
      latest.current(typed);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <TextFilter
      filteringText={typed}
      filteringPlaceholder={strings.findName}
      filteringAriaLabel={strings.findName}
      filteringClearAriaLabel={strings.clearFilter}
      countText={text === "" || total === undefined ? "" : strings.matches(total)}
      onChange={({ detail }) => setTyped(detail.filteringText)}
    />
  );
}
