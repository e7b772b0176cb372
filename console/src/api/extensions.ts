// Types and functions of the documented `/x/` operations.
import type { ConnectorForm } from "../form/types";
import { extension } from "./client";

/** What the last login said about a connection. */
export type HealthResult = "Proved" | "Refused" | "Unreachable" | "CannotBeTested";

/** The outcome of the last login and when it was. */
export interface Health {
  readonly result: HealthResult;
  readonly message: string;
  /** RFC 3339. */
  readonly checkedAt: string;
}

/** Whether requests leave by the public network. */
export type ConnectionMode = "Public" | "Private";

/** A connection in a list. */
export interface ConnectionSummary {
  readonly connectorProfileName: string;
  readonly connectorProfileArn: string;
  readonly connectorType: string;
  readonly connectorLabel?: string;
  readonly connectionMode: ConnectionMode;
  /** RFC 3339. */
  readonly createdAt: string;
  /** RFC 3339. */
  readonly lastUpdatedAt: string;
  /** Null for a connection that was never tested. */
  readonly health: Health | null;
  /** The number of flows that use it. */
  readonly usedBy: number;
}

/** The members that a list can be sorted by. */
export type ConnectionSort = "name" | "connectorType" | "connectionMode" | "lastUpdatedAt" | "health" | "usedBy";

/** Which connections to list. */
export interface ListConnectionsInput {
  readonly connectorType?: string;
  readonly connectorLabel?: string;
  readonly nameContains?: string;
  readonly health?: readonly string[];
  readonly sortBy?: ConnectionSort;
  readonly descending?: boolean;
  /** 1 to 100. */
  readonly maxResults?: number;
  readonly startIndex?: number;
}

/** One page of connections and the number of all that match. */
export interface ConnectionPage {
  readonly connectorProfiles: readonly ConnectionSummary[];
  readonly total: number;
}

/** A whole connection as create, edit and copy take it; below the unions everything is by union key. */
export interface ConnectionUnions {
  readonly connectorProfileProperties: { readonly [unionKey: string]: unknown };
  readonly connectorProfileCredentials?: { readonly [unionKey: string]: unknown };
}

/** A flow that uses a connection. */
export interface UsingFlow {
  readonly flowName: string;
  readonly flowArn: string;
  readonly flowStatus: string;
  readonly lastRun?: {
    readonly executionId: string;
    readonly executionStatus: string;
    readonly startedAt?: string;
    readonly recordsProcessed?: number;
    readonly error?: string;
  } | null;
}

/** An authorization that a person is asked for in a pop-up. */
export interface BegunAuthorization {
  /** Where the pop-up goes. */
  readonly authorizationUrl: string;
  /** What the message of the pop-up is told apart by. */
  readonly state: string;
  /** Stands for the code until the connection is saved; good for one use. */
  readonly authCode: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

export function listConnections(input: ListConnectionsInput, signal?: AbortSignal): Promise<ConnectionPage> {
  return extension("list-connector-profiles", input, signal);
}

export function describeConnectorForm(
  input: { readonly connectorType: string; readonly connectorLabel?: string },
  signal?: AbortSignal,
): Promise<ConnectorForm> {
  return extension("describe-connector-form", input, signal);
}

/** The paths of the credential members that hold something, below the union's key; never a value. */
export function describeCredentials(
  connectorProfileName: string,
  signal?: AbortSignal,
): Promise<{ readonly connectorProfileName: string; readonly set: readonly string[]; readonly version: number }> {
  return extension("describe-connector-profile-credentials", { connectorProfileName }, signal);
}

export function editConnection(
  input: {
    readonly connectorProfileName: string;
    readonly connectionMode: ConnectionMode;
    readonly keepCredentials?: readonly string[];
  } & ConnectionUnions,
): Promise<{ readonly connectorProfileArn: string }> {
  return extension("edit-connector-profile", input);
}

export function copyConnection(
  input: {
    readonly sourceConnectorProfileName: string;
    readonly connectorProfileName: string;
    readonly connectionMode?: ConnectionMode;
    readonly keepCredentials?: readonly string[];
  } & ConnectionUnions,
): Promise<{ readonly connectorProfileArn: string }> {
  return extension("copy-connector-profile", input);
}

export function testConnection(
  connectorProfileName: string,
): Promise<{ readonly connectorProfileName: string; readonly result: HealthResult; readonly message: string }> {
  return extension("test-connector-profile", { connectorProfileName });
}

export function describeUsage(
  connectorProfileName: string,
  signal?: AbortSignal,
): Promise<{ readonly connectorProfileName: string; readonly flows: readonly UsingFlow[] }> {
  return extension("describe-connector-profile-usage", { connectorProfileName }, signal);
}

export function beginAuthorization(input: {
  readonly connectorType: string;
  readonly connectorLabel?: string;
  readonly connectorProfileProperties: { readonly [unionKey: string]: unknown };
  readonly clientId: string;
  readonly redirectUri: string;
}): Promise<BegunAuthorization> {
  return extension("begin-connector-authorization", input);
}
