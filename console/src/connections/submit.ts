// Sends a form to the server.
import { CreateConnectorProfileCommand, type CreateConnectorProfileCommandInput } from "@aws-sdk/client-appflow";
import { appflow } from "../api/appflow";
import { copyConnection, editConnection } from "../api/extensions";
import { unionsOf } from "../form/request";
import type { Draft } from "../form/validate";
import type { Purpose } from "./draft";

/** Creates, edits or copies. Throws what the server said. */
export async function submit(purpose: Purpose, name: string, draft: Draft, source: string | undefined): Promise<void> {
  const { keepCredentials, ...unions } = unionsOf(draft);
  const connectionMode = draft.selection.isPrivate ? "Private" : "Public";
  if (purpose === "edit") {
    await editConnection({ connectorProfileName: name, connectionMode, ...unions, keepCredentials });
  } else if (purpose === "copy") {
    await copyConnection({
      sourceConnectorProfileName: source ?? "",
      connectorProfileName: name,
      connectionMode,
      ...unions,
      keepCredentials,
    });
  } else {
    const { form } = draft;
    // The documents are drawn from the description; the server checks them against the model.
    const input = {
      connectorProfileName: name,
      connectorType: form.connectorType,
      ...(form.connectorLabel === undefined ? {} : { connectorLabel: form.connectorLabel }),
      connectionMode,
      connectorProfileConfig: unions,
    } as unknown as CreateConnectorProfileCommandInput;
    await appflow().send(new CreateConnectorProfileCommand(input));
  }
}
