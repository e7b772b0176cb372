// AWS's own SDK for the operations of AppFlow. A module of its own, because it is large and the first
// page can be drawn without it.
import { AppflowClient } from "@aws-sdk/client-appflow";
import { clockOffset } from "./clock";
import { isUnknownKey } from "./errors";
import { apiBase } from "./http";
import { region, session } from "./session";

// The session store decides when keys are renewed; `memoized` tells the SDK not to keep its own.
const credentials = Object.assign(() => session.keys(), { memoized: true });

let client: AppflowClient | undefined;
let clientRegion = "";

/** The SDK's client: `appflow().send(new ListFlowsCommand({}), { abortSignal })`. */
export function appflow(): AppflowClient {
  if (client === undefined || clientRegion !== region()) {
    client?.destroy();
    clientRegion = region();
    client = createClient(clientRegion);
  }
  // The SDK reads it at each signature.
  client.config.systemClockOffset = clockOffset();
  return client;
}

function createClient(forRegion: string): AppflowClient {
  const created = new AppflowClient({
    endpoint: apiBase().href,
    region: forRegion,
    credentials,
    systemClockOffset: clockOffset(),
    // One retry: a person waits in front of the page and can press Retry.
    maxAttempts: 2,
  });
  created.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (!isUnknownKey(error)) throw error;
        await session.renew();
        return next(args);
      }
    },
    { step: "initialize", name: "tidegateSessionKeys", priority: "high" },
  );
  return created;
}
