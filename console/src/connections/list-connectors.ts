// Asks for every connector, by AWS's SDK.
import { ListConnectorsCommand, type ConnectorDetail } from "@aws-sdk/client-appflow";
import { appflow } from "../api/appflow";

/** Every connector that the account knows. */
export async function listConnectors(): Promise<readonly ConnectorDetail[]> {
  const details: ConnectorDetail[] = [];
  let nextToken: string | undefined;
  do {
    const page = await appflow().send(
      new ListConnectorsCommand({ maxResults: 100, ...(nextToken === undefined ? {} : { nextToken }) }),
    );
    details.push(...(page.connectors ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return details;
}
