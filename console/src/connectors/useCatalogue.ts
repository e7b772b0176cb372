// The catalogue as it comes from the server. What has come stays for the next visit.
import {
  DescribeConnectorCommand,
  DescribeConnectorsCommand,
  type ConnectorConfiguration,
  type ConnectorType,
} from "@aws-sdk/client-appflow";
import { useCallback, useEffect, useState } from "react";
import { appflow } from "../api/appflow";
import { isAborted } from "../api/client";
import { eachOf, eachPage } from "../api/paged";
import { createStore, useStore } from "../shell/store";
import { type Connector, connectorId, fromDetail } from "./catalogue";
import { listConnectors } from "./list";

interface Catalogue {
  connectors: Connector[];
  /** Whether the whole list has come. */
  listed: boolean;
  /** Whether the particulars of each have come, or failed to. */
  described: boolean;
  /** Connectors whose particulars could not be loaded. */
  failures: number;
}

const EMPTY: Catalogue = { connectors: [], listed: false, described: false, failures: 0 };
const catalogue = createStore<Catalogue>(EMPTY);

/** Few enough that the page stays quick, many enough that sixty connectors take no time. */
const AT_ONCE = 6;

/** The configuration of one connector. Without a label the type's own is asked for by its list. */
export async function describeConnector(
  type: string,
  label: string | undefined,
  abortSignal: AbortSignal,
): Promise<ConnectorConfiguration | undefined> {
  const connectorType = type as ConnectorType;
  if (label !== undefined) {
    const command = new DescribeConnectorCommand({ connectorType, connectorLabel: label });
    return (await appflow().send(command, { abortSignal })).connectorConfiguration;
  }
  const command = new DescribeConnectorsCommand({ connectorTypes: [connectorType] });
  const answer = await appflow().send(command, { abortSignal });
  return Object.values(answer.connectorConfigurations ?? {})[0];
}

async function loadList(abortSignal: AbortSignal): Promise<void> {
  await listConnectors(
    (details, listed) => {
      const known = new Map(catalogue.get().connectors.map((one) => [one.id, one.config]));
      const connectors = details
        .map(fromDetail)
        .filter((one) => one !== undefined)
        .map((one) => withConfig(one, known.get(one.id)));
      catalogue.set({ ...catalogue.get(), connectors, listed });
    },
    abortSignal,
  );
}

async function loadConfigs(abortSignal: AbortSignal): Promise<void> {
  await eachPage(
    async (nextToken) => {
      const command = new DescribeConnectorsCommand({ maxResults: 100, nextToken });
      const answer = await appflow().send(command, { abortSignal });
      const items = Object.entries(answer.connectorConfigurations ?? {});
      return { items, nextToken: answer.nextToken };
    },
    (configs) => put(new Map(configs)),
  );
  // One by one for those with a label, put on the page a few at a time.
  const arrived = new Map<string, ConnectorConfiguration>();
  let failures = 0;
  const missing = catalogue.get().connectors.filter((one) => one.config === undefined);
  await eachOf(
    missing,
    AT_ONCE,
    async (one) => {
      try {
        const config = await describeConnector(one.type, one.label, abortSignal);
        if (config !== undefined) arrived.set(one.id, config);
      } catch (error) {
        if (isAborted(error)) throw error;
        failures++;
      }
      if (arrived.size % 16 === 0) put(arrived);
    },
    abortSignal,
  );
  put(arrived);
  catalogue.set({ ...catalogue.get(), described: true, failures });
}

function put(configs: Map<string, ConnectorConfiguration>): void {
  const now = catalogue.get();
  catalogue.set({ ...now, connectors: now.connectors.map((one) => withConfig(one, configs.get(one.id))) });
}

function withConfig(connector: Connector, config: ConnectorConfiguration | undefined): Connector {
  return config === undefined ? connector : { ...connector, config };
}

/** The catalogue, loaded when it is not there yet; `particulars` brings each one's configuration too. */
export function useCatalogue(particulars: boolean): Catalogue & { error: unknown; reload: () => void } {
  const state = useStore(catalogue);
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const controller = new AbortController();
    const load = async (): Promise<void> => {
      if (!catalogue.get().listed) await loadList(controller.signal);
      if (particulars && !catalogue.get().described) await loadConfigs(controller.signal);
    };
    setError(undefined);
    load().catch((problem: unknown) => {
      if (!controller.signal.aborted) setError(problem);
    });
    return () => controller.abort();
  }, [particulars, attempt]);

  const reload = useCallback(() => {
    catalogue.set({ ...catalogue.get(), listed: false, described: false });
    setAttempt((count) => count + 1);
  }, []);
  return { ...state, error, reload };
}

/** Gives the name of a connector by its type and label; until the names are there, the label or type. */
export function useConnectorNames(): (type: string | undefined, label?: string | undefined) => string {
  const { connectors } = useCatalogue(false);
  return useCallback(
    (type, label) => {
      if (type === undefined) return "-";
      const found = connectors.find((one) => one.id === connectorId(type, label));
      return found?.name ?? (label || type);
    },
    [connectors],
  );
}
