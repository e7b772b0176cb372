// What a connector offers, taken apart from the answer of DescribeConnector.
import type { ConnectorConfiguration } from "@aws-sdk/client-appflow";
import type { Member } from "../form/types";

/** Operators that choose fields or records; all others change or check values. */
const FILTERS: ReadonlySet<string> = new Set([
  "PROJECTION",
  "LESS_THAN",
  "LESS_THAN_OR_EQUAL_TO",
  "GREATER_THAN",
  "GREATER_THAN_OR_EQUAL_TO",
  "EQUAL_TO",
  "NOT_EQUAL_TO",
  "CONTAINS",
  "BETWEEN",
]);

export interface Operators {
  filters: string[];
  values: string[];
}

export function operatorsOf(config: ConnectorConfiguration): Operators {
  const all: string[] = config.supportedOperators ?? [];
  return {
    filters: all.filter((operator) => FILTERS.has(operator)),
    values: all.filter((operator) => !FILTERS.has(operator)),
  };
}

/** What OAuth 2 of a connector is set to, wherever the answer says so. */
export interface OAuth2 {
  scopes: string[];
  tokenUrls: string[];
  authCodeUrls: string[];
  grantTypes: string[];
}

export function oauth2Of(config: ConnectorConfiguration): OAuth2 {
  const defaults = config.authenticationConfig?.oAuth2Defaults;
  return {
    scopes: defaults?.oauthScopes ?? metadata(config, "oAuthScopes"),
    tokenUrls: defaults?.tokenUrls ?? [],
    authCodeUrls: defaults?.authCodeUrls ?? [],
    grantTypes: defaults?.oauth2GrantTypesSupported ?? metadata(config, "oauth2GrantTypesSupported"),
  };
}

/** The interfaces that records can go through: those of registered connectors, or the built-in ones. */
export function transferApis(config: ConnectorConfiguration): string[] {
  const declared = (config.supportedDataTransferApis ?? []).map((api) =>
    [api.Name, api.Type].filter((part) => part !== undefined).join(", "),
  );
  return declared.length > 0 ? declared : metadata(config, "dataTransferApis");
}

/** The regions of the application that a connection may name. */
export function regions(config: ConnectorConfiguration): string[] {
  return metadata(config, "supportedRegions");
}

/** A list of the connector's own metadata, which is a union by type. */
function metadata(config: ConnectorConfiguration, name: string): string[] {
  for (const member of Object.values(config.connectorMetadata ?? {})) {
    const list = (member as Record<string, unknown> | undefined)?.[name];
    if (Array.isArray(list)) return list.map(String);
  }
  return [];
}

/** `limits` of `/x/describe-connector-form`. */
export interface Limits {
  recordsPerRun?: number;
  sourceMegabytesPerRun?: number;
  destinationMegabytesPerRun?: number;
  megabytesPerFile?: number;
  daysPerRun?: number;
  notes: string[];
}

/** Reads the limits, whose shape is the server's; anything that does not fit is left out. */
export function limitsOf(value: unknown): Limits {
  const given = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const limits: Limits = {
    notes: Array.isArray(given["notes"]) ? given["notes"].filter((note) => typeof note === "string") : [],
  };
  for (const name of NUMBERS) {
    const number = given[name];
    if (typeof number === "number") limits[name] = number;
  }
  return limits;
}

export const NUMBERS = [
  "recordsPerRun",
  "sourceMegabytesPerRun",
  "destinationMegabytesPerRun",
  "megabytesPerFile",
  "daysPerRun",
] as const;

/** What a value of a member must keep to, as `a to b` and the like; undefined for anything. */
export function boundsOf(member: Member): { range?: [number | undefined, number | undefined]; characters?: number } {
  const bounds: { range?: [number | undefined, number | undefined]; characters?: number } = {};
  if (member.minimum !== undefined || member.maximum !== undefined) bounds.range = [member.minimum, member.maximum];
  const own = member.element ?? member;
  if (own.maxLength !== undefined) bounds.characters = own.maxLength;
  return bounds;
}
