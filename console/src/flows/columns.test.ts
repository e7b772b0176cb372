import type { FlowDefinition } from "@aws-sdk/client-appflow";
import { expect, test } from "vitest";
import { filterOptions, rowOf } from "./columns";

const nameOf = (type: string | undefined, label?: string) => `${type ?? "?"}${label === undefined ? "" : `/${label}`}`;

test("a row has what is shown, in words and in numbers that sort", () => {
  const row = rowOf(
    {
      flowName: "f",
      flowStatus: "Active",
      sourceConnectorType: "CustomConnector",
      sourceConnectorLabel: "Asana",
      destinationConnectorType: "S3",
      triggerType: "Scheduled",
      createdAt: new Date(5),
      lastRunExecutionDetails: {
        mostRecentExecutionStatus: "Error",
        mostRecentExecutionTime: new Date(7),
        mostRecentExecutionMessage: "no",
      },
    },
    nameOf,
  );
  expect(row).toMatchObject({
    name: "f",
    status: "Active",
    source: "CustomConnector/Asana",
    destination: "S3",
    trigger: "On schedule",
    lastRun: "Failed",
    lastRunTime: 7,
    lastRunMessage: "no",
    created: 5,
    updated: 0,
  });
});

test("a flow that never ran says so, and filters offer each value once", () => {
  const flows: FlowDefinition[] = [{ flowName: "a", flowStatus: "Draft" }, { flowName: "b", flowStatus: "Draft" }];
  const rows = flows.map((flow) => rowOf(flow, nameOf));
  expect(rows[0]).toMatchObject({ lastRun: "Never ran", trigger: "-" });
  const options = filterOptions(rows);
  expect(options.filter((option) => option.propertyKey === "status")).toEqual([{ propertyKey: "status", value: "Draft" }]);
  expect(options.some((option) => option.propertyKey === "name")).toBe(false);
});
