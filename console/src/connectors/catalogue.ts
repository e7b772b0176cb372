// The catalogue of connectors: what a card shows, and which cards a search leaves.
import type { ConnectorConfiguration, ConnectorDetail } from "@aws-sdk/client-appflow";

/** A connector in the catalogue; `config` comes after the list. */
export interface Connector {
  /** The type, and the label where there is one; unlike any other's. */
  id: string;
  type: string;
  label?: string;
  name: string;
  description: string;
  owner?: string;
  source: boolean;
  destination: boolean;
  config?: ConnectorConfiguration;
}

export const AUTHENTICATIONS = ["oauth2", "basic", "apiKey", "custom", "none"] as const;
export type Authentication = (typeof AUTHENTICATIONS)[number];

/** What a person is looking for; empty members leave everything. */
export interface CatalogueFilter {
  text: string;
  role: "" | "source" | "destination";
  authentication: "" | Authentication;
  trigger: string;
}

export const EVERYTHING: CatalogueFilter = { text: "", role: "", authentication: "", trigger: "" };

export function connectorId(type: string, label: string | undefined): string {
  return label === undefined || label === "" ? type : `${type}/${label}`;
}

/** A card of one row of ListConnectors; undefined for a row that names no type. */
export function fromDetail(detail: ConnectorDetail): Connector | undefined {
  const type = detail.connectorType;
  if (type === undefined) return undefined;
  const label = detail.connectorLabel || undefined;
  const modes = detail.connectorModes ?? [];
  const connector: Connector = {
    id: connectorId(type, label),
    type,
    name: detail.connectorName || label || type,
    description: detail.connectorDescription ?? "",
    source: modes.includes("SOURCE"),
    destination: modes.includes("DESTINATION"),
  };
  if (label !== undefined) connector.label = label;
  if (detail.connectorOwner !== undefined) connector.owner = detail.connectorOwner;
  return connector;
}

/** The ways a connection of it may prove who it is; `none` where no connection is needed. */
export function authentications(config: ConnectorConfiguration): Authentication[] {
  const offered = config.authenticationConfig;
  const found: Authentication[] = [];
  if (offered?.isOAuth2Supported) found.push("oauth2");
  if (offered?.isBasicAuthSupported) found.push("basic");
  if (offered?.isApiKeyAuthSupported) found.push("apiKey");
  if (offered?.isCustomAuthSupported) found.push("custom");
  return found.length === 0 ? ["none"] : found;
}

/**
 * Whether a connector fits. Each word of the text must stand in its name, label, type or
 * description. A connector whose particulars have not come yet fits no filter that needs them.
 */
export function fits(connector: Connector, filter: CatalogueFilter): boolean {
  const { config } = connector;
  if (filter.role === "source" && !connector.source) return false;
  if (filter.role === "destination" && !connector.destination) return false;
  if (filter.authentication !== "") {
    if (config === undefined || !authentications(config).includes(filter.authentication)) return false;
  }
  if (filter.trigger !== "") {
    if (!(config?.supportedTriggerTypes ?? []).some((trigger) => trigger === filter.trigger)) return false;
  }
  const haystack = [connector.name, connector.label ?? "", connector.type, connector.description]
    .join("\n")
    .toLowerCase();
  return words(filter.text).every((word) => haystack.includes(word));
}

function words(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

/**
 * Orders the catalogue. What is searched for by name comes before what only mentions it; the rest
 * goes by name.
 */
export function inOrder(connectors: readonly Connector[], text: string): Connector[] {
  const wanted = words(text);
  const rank = (connector: Connector): number => {
    if (wanted.length === 0) return 0;
    const name = `${connector.name} ${connector.label ?? ""} ${connector.type}`.toLowerCase();
    return wanted.every((word) => name.includes(word)) ? 0 : 1;
  };
  const ranked = connectors.map((connector) => ({ connector, rank: rank(connector) }));
  ranked.sort((a, b) => a.rank - b.rank || collator.compare(a.connector.name, b.connector.name));
  return ranked.map(({ connector }) => connector);
}

const collator = new Intl.Collator("en", { sensitivity: "base", numeric: true });
