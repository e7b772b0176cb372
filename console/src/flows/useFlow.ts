// One flow as the server tells it.
import { DescribeFlowCommand, type DescribeFlowResponse } from "@aws-sdk/client-appflow";
import { useCallback, useEffect, useState } from "react";
import { appflow } from "../api/appflow";

interface FlowState {
  flow: DescribeFlowResponse | undefined;
  loading: boolean;
  error: unknown;
}

export function useFlow(flowName: string): FlowState & { reload: () => void } {
  const [state, setState] = useState<FlowState>({ flow: undefined, loading: true, error: undefined });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const controller = new AbortController();
    const abortSignal = controller.signal;
    setState((now) => ({ ...now, loading: true }));
    appflow()
      .send(new DescribeFlowCommand({ flowName }), { abortSignal })
      .then((flow) => {
        if (!abortSignal.aborted) setState({ flow, loading: false, error: undefined });
      })
      .catch((error: unknown) => {
        if (!abortSignal.aborted) setState((now) => ({ ...now, loading: false, error }));
      });
    return () => controller.abort();
  }, [flowName, attempt]);

  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  return { ...state, reload };
}
