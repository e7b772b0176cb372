// The connectors that the drop-down offers.
import type { ConnectorDetail } from "@aws-sdk/client-appflow";

/** A connector: a type, and for custom ones a label. */
export interface ConnectorChoice {
  readonly connectorType: string;
  readonly connectorLabel?: string;
  readonly name: string;
}

/** The types that have no connections: whoever uses them brings no credentials. */
const WITHOUT_CONNECTIONS = new Set(["S3", "EventBridge", "LookoutMetrics", "Upsolver", "CustomerProfiles"]);

/** Whether a connector has connections at all. */
export function hasConnections(connectorType: string): boolean {
  return !WITHOUT_CONNECTIONS.has(connectorType);
}

/** The value that stands for a connector in a drop-down. */
export function choiceValue(connectorType: string, connectorLabel?: string): string {
  return connectorLabel === undefined ? connectorType : `${connectorType}/${connectorLabel}`;
}

/** The connector that a value stands for. */
export function parseChoice(value: string): { readonly connectorType: string; readonly connectorLabel?: string } {
  const slash = value.indexOf("/");
  if (slash < 0) return { connectorType: value };
  return { connectorType: value.slice(0, slash), connectorLabel: value.slice(slash + 1) };
}

/** Turns the server's list into choices in the order of their names. */
export function choicesOf(details: readonly ConnectorDetail[]): readonly ConnectorChoice[] {
  return details
    .flatMap((detail) => {
      const { connectorType, connectorLabel, connectorName } = detail;
      if (connectorType === undefined) return [];
      const name = connectorName ?? connectorLabel ?? connectorType;
      return [{ connectorType, name, ...(connectorLabel === undefined ? {} : { connectorLabel }) }];
    })
    .sort((one, other) => one.name.localeCompare(other.name, "en"));
}

/** The SDK comes in a script of its own: the list of connections does not wait for it. */
const listAll = async () => (await import("../connectors/list")).listConnectors();

let loaded: Promise<readonly ConnectorChoice[]> | undefined;

/** Every connector that the account knows, asked for once; again where that failed. */
export function loadConnectors(): Promise<readonly ConnectorChoice[]> {
  loaded ??= listAll().then(choicesOf).catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

/** Whether a connector is one of those that the account knows; the type of all custom ones is. */
export function isKnownConnector(
  choices: readonly ConnectorChoice[],
  connectorType: string,
  connectorLabel?: string,
): boolean {
  return choices.some(
    (one) =>
      one.connectorType === connectorType && (connectorLabel === undefined || one.connectorLabel === connectorLabel),
  );
}

/** A connector's name for people. */
export function nameOfConnector(
  choices: readonly ConnectorChoice[],
  connectorType: string,
  connectorLabel?: string,
): string {
  const found = choices.find((one) => one.connectorType === connectorType && one.connectorLabel === connectorLabel);
  return found?.name ?? connectorLabel ?? connectorType;
}
