// Starting a run. The run is watched from here on, so that its end is told even if it comes
// before the page of the flow is there.
import { StartFlowCommand } from "@aws-sdk/client-appflow";
import { appflow } from "../api/appflow";
import { errorCode } from "../api/client";
import { RunWatch } from "./runs";

const watches = new Map<string, RunWatch>();

/** The watch over a flow's runs. */
export function watchOf(flowName: string): RunWatch {
  let watch = watches.get(flowName);
  if (watch === undefined) {
    watch = new RunWatch();
    watches.set(flowName, watch);
  }
  return watch;
}

/** Forgets a flow that is gone; another of its name starts afresh. */
export function forgetFlow(flowName: string): void {
  watches.delete(flowName);
  tokens.delete(flowName);
}

/** Tokens of requests whose answer never came: asked again, the server starts no second run. */
const tokens = new Map<string, string>();

/** Starts a run and gives its id, or nothing where the flow was activated instead. */
export async function startFlow(flowName: string): Promise<string | undefined> {
  const clientToken = tokens.get(flowName) ?? crypto.randomUUID();
  tokens.set(flowName, clientToken);
  try {
    const answer = await appflow().send(new StartFlowCommand({ flowName, clientToken }));
    tokens.delete(flowName);
    if (answer.executionId !== undefined) watchOf(flowName).watch(answer.executionId);
    return answer.executionId;
  } catch (error) {
    // The server has answered, so nothing was started and the token has done its work.
    if (errorCode(error) !== undefined) tokens.delete(flowName);
    throw error;
  }
}
