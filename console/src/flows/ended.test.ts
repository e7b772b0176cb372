import type { DestinationFlowConfig, ExecutionRecord } from "@aws-sdk/client-appflow";
import { expect, test } from "vitest";
import type { Notifications } from "../shell/notifications";
import { tellEnd } from "./ended";

const bucket = {
  connectorType: "S3",
  destinationConnectorProperties: { S3: { bucketName: "b", bucketPrefix: "p" } },
} as DestinationFlowConfig;

function told(run: Partial<ExecutionRecord>): unknown[] {
  const calls: unknown[] = [];
  const notify = {
    success: (text: string, link: unknown) => calls.push("success", text, link),
    info: (text: string) => calls.push("info", text),
    error: (error: unknown, header: string) => calls.push("error", (error as Error).message, header),
    clear: () => undefined,
  } as unknown as Notifications;
  tellEnd(notify, "f", run as ExecutionRecord, bucket);
  return calls;
}

test("a success says what was moved and where it lies", () => {
  const run = {
    executionStatus: "Successful" as const,
    executionResult: { recordsProcessed: 72914, bytesWritten: 701654 },
    startedAt: new Date(0),
    lastUpdatedAt: new Date(169),
  };
  expect(told(run)).toEqual([
    "success",
    "Successfully ran the flow f. 72,914 records processed and 685.2 KiB written in 0.2 s. The data was written below s3://b/p/f/.",
    { text: "View run history", href: "#/flows/view/f?tab=history" },
  ]);
  expect(told({ ...run, executionResult: { recordsProcessed: 0, bytesWritten: 0 } })[1]).not.toContain("s3://");
});

test("a failure has the server's words, and a canceled run is told as one", () => {
  const errorInfo = { executionMessage: "SAP said no" };
  expect(told({ executionStatus: "Error", executionResult: { errorInfo } })).toEqual([
    "error",
    "SAP said no",
    "The flow f failed",
  ]);
  expect(told({ executionStatus: "Canceled" })).toEqual(["info", "A run of the flow f was canceled."]);
});
