// Asks for every connector, by AWS's SDK.
import { ListConnectorsCommand, type ConnectorDetail } from "@aws-sdk/client-appflow";
import { appflow } from "../api/appflow";
import { eachPage } from "../api/paged";

/** Every connector that the account knows; `onPage` sees them come. */
export function listConnectors(
  onPage: (soFar: ConnectorDetail[], complete: boolean) => void = () => undefined,
  abortSignal?: AbortSignal,
): Promise<ConnectorDetail[]> {
  return eachPage(async (nextToken) => {
    const answer = await appflow().send(
      new ListConnectorsCommand({ maxResults: 100, nextToken }),
      abortSignal === undefined ? {} : { abortSignal },
    );
    return { items: answer.connectors ?? [], nextToken: answer.nextToken };
  }, onPage);
}
