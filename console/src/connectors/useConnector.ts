// One connector as the server describes it: what it offers, and what a connection of it needs.
import type { ConnectorConfiguration } from "@aws-sdk/client-appflow";
import { useCallback, useEffect, useState } from "react";
import { describeConnectorForm } from "../api/extensions";
import { ApiError } from "../api/errors";
import type { ConnectorForm } from "../form/types";
import { connector } from "../strings/connectors";
import { describeConnector } from "./useCatalogue";

export interface Described {
  config: ConnectorConfiguration | undefined;
  form: ConnectorForm | undefined;
  /** Why there is no configuration. */
  error: unknown;
  /** Why there is no form. */
  formError: unknown;
  retry: () => void;
}

type Loaded = Omit<Described, "retry">;
const NOTHING: Loaded = { config: undefined, form: undefined, error: undefined, formError: undefined };

export function useConnector(type: string, label: string | undefined): Described {
  const [loaded, setLoaded] = useState(NOTHING);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const { signal, abort } = abortable();
    const take = (part: Partial<Loaded>): void => {
      if (!signal.aborted) setLoaded((now) => ({ ...now, ...part }));
    };
    setLoaded(NOTHING);
    describeConnector(type, label, signal).then(
      (config) => take(config === undefined ? { error: nothing(type) } : { config }),
      (error: unknown) => take({ error }),
    );
    const input = label === undefined ? { connectorType: type } : { connectorType: type, connectorLabel: label };
    describeConnectorForm(input, signal).then(
      (form) => take({ form }),
      (formError: unknown) => take({ formError }),
    );
    return abort;
  }, [type, label, attempt]);

  const retry = useCallback(() => setAttempt((count) => count + 1), []);
  return { ...loaded, retry };
}

/** Where the server answers with nothing, there is nothing. */
function nothing(type: string): ApiError {
  return new ApiError(connector.notFoundText(type), { code: "ResourceNotFoundException", status: 404 });
}

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
