// One connector as the server describes it: what it offers, and what a connection of it needs.
import type { ConnectorConfiguration } from "@aws-sdk/client-appflow";
import { useCallback } from "react";
import { describeConnectorForm } from "../api/extensions";
import { ApiError } from "../api/errors";
import { useLoad } from "../api/useLoad";
import type { ConnectorForm } from "../form/types";
import { connector } from "../strings/connectors";
import { connectorId } from "./catalogue";
import { describeConnector } from "./useCatalogue";

interface Described {
  config: ConnectorConfiguration | undefined;
  form: ConnectorForm | undefined;
  /** Why there is no configuration. */
  error: unknown;
  /** Why there is no form. */
  formError: unknown;
  retry: () => void;
}

export function useConnector(type: string, label: string | undefined): Described {
  const key = connectorId(type, label);
  const config = useLoad(key, async (signal) => (await describeConnector(type, label, signal)) ?? nothing(type));
  const form = useLoad(key, (signal) =>
    describeConnectorForm(label === undefined ? { connectorType: type } : { connectorType: type, connectorLabel: label }, signal),
  );
  const retry = useCallback(() => {
    config.reload();
    form.reload();
  }, [config.reload, form.reload]);
  return { config: config.data, form: form.data, error: config.error, formError: form.error, retry };
}

/** Where the server answers with nothing, there is nothing. */
function nothing(type: string): never {
  throw new ApiError(connector.notFoundText(type), { code: "ResourceNotFoundException", status: 404 });
}
