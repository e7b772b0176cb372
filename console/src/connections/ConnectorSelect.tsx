// The Connectors drop-down.
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import { connections as strings } from "../strings/connections";
import { choiceValue, type ConnectorChoice, hasConnections, isKnownConnector, parseChoice } from "./connectors";
import type { Load } from "../api/useLoad";

interface ConnectorSelectProps {
  readonly connectors: Load<readonly ConnectorChoice[]>;
  readonly connectorType: string | undefined;
  readonly connectorLabel: string | undefined;
  /** For the list: offers all connectors together, and the type of all custom ones. */
  readonly forList: boolean;
  readonly onChoose: (connectorType: string | undefined, connectorLabel: string | undefined) => void;
}

/** A value that no connector has. */
const ALL = "";

export function ConnectorSelect(props: ConnectorSelectProps) {
  const { connectors, connectorType, connectorLabel, forList } = props;
  const choices = (connectors.data ?? []).filter(
    (one) =>
      forList ||
      (hasConnections(one.connectorType) &&
        (one.connectorType !== "CustomConnector" || one.connectorLabel !== undefined)),
  );
  const option = (one: ConnectorChoice): SelectProps.Option => ({
    value: choiceValue(one.connectorType, one.connectorLabel),
    label: one.name,
    ...(one.connectorLabel === undefined ? {} : { filteringTags: [one.connectorLabel] }),
  });
  const groups: SelectProps.OptionGroup[] = [
    { label: strings.builtIn, options: choices.filter((one) => one.connectorLabel === undefined).map(option) },
    { label: strings.custom, options: choices.filter((one) => one.connectorLabel !== undefined).map(option) },
  ];
  const all: SelectProps.Option = { value: ALL, label: strings.allConnectors };
  const value = connectorType === undefined ? ALL : choiceValue(connectorType, connectorLabel);
  const selected = [all, ...groups.flatMap((group) => group.options)].find((one) => one.value === value);
  const isUnknown =
    connectorType !== undefined &&
    connectors.data !== undefined &&
    !isKnownConnector(connectors.data, connectorType, connectorLabel);
  return (
    <Select
      {...(forList ? { inlineLabelText: strings.connectors } : {})}
      selectedOption={
        selected !== undefined && (forList || value !== ALL)
          ? selected
          : value === ALL
            ? null
            : { value, label: isUnknown ? strings.unknown.option : (connectorLabel ?? connectorType ?? value) }
      }
      options={forList ? [all, ...groups] : groups}
      placeholder={strings.connectorsPlaceholder}
      filteringType="auto"
      filteringAriaLabel={strings.findConnector}
      filteringPlaceholder={strings.findConnector}
      noMatch={strings.noConnector}
      statusType={connectors.error !== undefined ? "error" : connectors.data === undefined ? "loading" : "finished"}
      errorText={strings.connectorsFailed}
      recoveryText={strings.retry}
      onLoadItems={() => {
        if (connectors.error !== undefined) connectors.reload();
      }}
      onChange={({ detail }) => {
        const chosen = detail.selectedOption.value;
        if (chosen === undefined || chosen === ALL) props.onChoose(undefined, undefined);
        else {
          const { connectorType: type, connectorLabel: label } = parseChoice(chosen);
          props.onChoose(type, label);
        }
      }}
    />
  );
}
