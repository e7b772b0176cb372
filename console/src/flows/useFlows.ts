// All flows, page by page as the server hands them out.
import { type FlowDefinition, ListFlowsCommand } from "@aws-sdk/client-appflow";
import { useCallback, useEffect, useState } from "react";
import { appflow } from "../api/appflow";
import { eachPage } from "../api/paged";

interface FlowList {
  flows: FlowDefinition[];
  /** Whether more pages are on their way. */
  loading: boolean;
  error: unknown;
}

/** The table is drawn again at most this often while pages come in, lest drawing be what takes time. */
const DRAW_EVERY_MS = 500;

export function useFlows(): FlowList & { reload: () => void } {
  const [list, setList] = useState<FlowList>({ flows: [], loading: true, error: undefined });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const controller = new AbortController();
    const abortSignal = controller.signal;
    setList((now) => ({ ...now, loading: true, error: undefined }));
    let drawn = 0;
    eachPage<FlowDefinition>(
      async (nextToken) => {
        const answer = await appflow().send(new ListFlowsCommand({ maxResults: 100, nextToken }), { abortSignal });
        return { items: answer.flows ?? [], nextToken: answer.nextToken };
      },
      (soFar, complete) => {
        if (abortSignal.aborted || (!complete && Date.now() - drawn < DRAW_EVERY_MS)) return;
        drawn = Date.now();
        // When flows are loaded again, those on show stay until as many have come.
        setList((now) =>
          complete || soFar.length >= now.flows.length ? { flows: soFar, loading: !complete, error: undefined } : now,
        );
      },
    ).catch((error: unknown) => {
      if (!abortSignal.aborted) setList((now) => ({ ...now, loading: false, error }));
    });
    return () => controller.abort();
  }, [attempt]);

  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  return { ...list, reload };
}
