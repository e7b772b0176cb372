// One flow as the server tells it.
import { DescribeFlowCommand, type DescribeFlowResponse } from "@aws-sdk/client-appflow";
import { appflow } from "../api/appflow";
import { type Load, useLoad } from "../api/useLoad";

export function useFlow(flowName: string): Load<DescribeFlowResponse> {
  return useLoad(flowName, (abortSignal) => appflow().send(new DescribeFlowCommand({ flowName }), { abortSignal }));
}
