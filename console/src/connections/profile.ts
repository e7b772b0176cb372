// Everything that is known of one connection.
import {
  type ConnectorProfile,
  DescribeConnectorProfilesCommand,
} from "@aws-sdk/client-appflow";
import { appflow } from "../api/appflow";
import { type ConnectionSummary, describeConnectorForm, describeCredentials, listConnections } from "../api/extensions";
import type { ConnectorForm } from "../form/types";

/** A connection with its form, and which credentials it has. */
export interface Profile {
  readonly name: string;
  readonly connectorType: string;
  readonly connectorLabel: string | undefined;
  readonly arn: string;
  readonly isPrivate: boolean;
  readonly createdAt: Date | undefined;
  readonly lastUpdatedAt: Date | undefined;
  /** The properties below the union's key. */
  readonly properties: unknown;
  readonly form: ConnectorForm;
  /** The paths of credentials that hold something. */
  readonly credentials: readonly string[];
}

/** Reads a connection; `undefined` when there is none of the name. */
export async function loadProfile(name: string, signal: AbortSignal): Promise<Profile | undefined> {
  const answer = await appflow().send(new DescribeConnectorProfilesCommand({ connectorProfileNames: [name] }), {
    abortSignal: signal,
  });
  const profile = answer.connectorProfileDetails?.[0];
  if (profile?.connectorType === undefined) return undefined;
  const { connectorType, connectorLabel } = profile;
  const [form, credentials] = await Promise.all([
    describeConnectorForm({ connectorType, ...(connectorLabel === undefined ? {} : { connectorLabel }) }, signal),
    describeCredentials(name, signal),
  ]);
  return { ...plain(name, profile, connectorType), form, credentials: credentials.set, properties: propertiesOf(profile, form) };
}

function plain(name: string, profile: ConnectorProfile, connectorType: string) {
  return {
    name,
    connectorType,
    connectorLabel: profile.connectorLabel,
    arn: profile.connectorProfileArn ?? "",
    isPrivate: profile.connectionMode === "Private",
    createdAt: profile.createdAt,
    lastUpdatedAt: profile.lastUpdatedAt,
  };
}

function propertiesOf(profile: ConnectorProfile, form: ConnectorForm): unknown {
  const union = (profile.connectorProfileProperties ?? {}) as Readonly<Record<string, unknown>>;
  return union[form.unionKey] ?? {};
}

/** How many names that contain the wanted one come at once; the server gives no more. */
const AT_ONCE = 100;

/** The row of a connection in the list, with its health; `undefined` when it is not found. */
export async function loadSummary(
  profile: Pick<Profile, "name" | "connectorType">,
  signal: AbortSignal,
): Promise<ConnectionSummary | undefined> {
  // Sorted by name, a name stands before all that only begin with it, but not before those that end with it.
  for (let startIndex = 0; ; startIndex += AT_ONCE) {
    const { connectorProfiles, total } = await listConnections(
      { connectorType: profile.connectorType, nameContains: profile.name, sortBy: "name", maxResults: AT_ONCE, startIndex },
      signal,
    );
    const found = connectorProfiles.find((one) => one.connectorProfileName === profile.name);
    if (found !== undefined || startIndex + AT_ONCE >= total) return found;
  }
}
