// What flows can do with a connector.
import type { ConnectorConfiguration } from "@aws-sdk/client-appflow";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import { common } from "../strings/common";
import { connector as strings } from "../strings/connectors";
import {
  dataTransferTypes,
  frequencies,
  operators,
  triggers,
  wordFor,
  writeOperations,
} from "../strings/operators";
import { operatorsOf, regions, transferApis } from "./capabilities";
import { Lines } from "./Lines";
import { connectorHref } from "./links";
import { useConnectorNames } from "./useCatalogue";

export function FlowsBox({ config }: { config: ConnectorConfiguration }) {
  const nameOf = useConnectorNames();
  const { filters, values } = operatorsOf(config);
  const destinations = config.supportedDestinationConnectors ?? [];
  const worded = (words: Readonly<Record<string, string>>, list: readonly string[] | undefined) => (
    <Lines items={(list ?? []).map((one) => wordFor(words, one))} />
  );
  const items: KeyValuePairsProps.Pair[] = [];
  if (config.canUseAsSource) {
    items.push(
      { label: strings.triggers, value: worded(triggers, config.supportedTriggerTypes) },
      { label: strings.frequencies, value: worded(frequencies, config.supportedSchedulingFrequencies) },
      { label: strings.filterOperators, value: worded(operators, filters) },
      { label: strings.valueOperators, value: worded(operators, values) },
      {
        label: strings.destinations,
        value:
          destinations.length === 0
            ? common.none
            : destinations.map((type) => (
                <div key={type}>
                  <Link href={connectorHref(type)}>{nameOf(type)}</Link>
                </div>
              )),
      },
    );
  } else {
    items.push({ label: strings.triggers, value: strings.notASource });
  }
  items.push({
    label: strings.writes,
    value: config.canUseAsDestination
      ? worded(writeOperations, config.supportedWriteOperations)
      : strings.notADestination,
  });
  items.push({ label: strings.transferTypes, value: worded(dataTransferTypes, config.supportedDataTransferTypes) });
  const optional: [string, readonly string[]][] = [
    [strings.transferApis, transferApis(config)],
    [strings.apiVersions, config.supportedApiVersions ?? []],
    [strings.regions, regions(config)],
  ];
  for (const [label, list] of optional) if (list.length > 0) items.push({ label, value: <Lines items={list} /> });
  return (
    <Container header={<Header variant="h2">{strings.flows}</Header>}>
      <KeyValuePairs columns={4} items={items} />
    </Container>
  );
}
