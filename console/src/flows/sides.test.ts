import type { DestinationFlowConfig, SourceFlowConfig } from "@aws-sdk/client-appflow";
import { describe, expect, test } from "vitest";
import { bucketAddress, destinationFacts, location, sourceFacts } from "./sides";

const to = (properties: object): DestinationFlowConfig =>
  ({ connectorType: "S3", destinationConnectorProperties: properties }) as DestinationFlowConfig;

describe("settings", () => {
  test("of a source are told in words, nested ones too", () => {
    const config = {
      connectorType: "SAPOData",
      sourceConnectorProperties: {
        SAPOData: { objectPath: "Flights", paginationConfig: { maxPageSize: 5000 }, oddThing: true, empty: "" },
      },
    } as unknown as SourceFlowConfig;
    expect(sourceFacts(config)).toEqual([
      { path: "objectPath", label: "Object", value: "Flights" },
      { path: "paginationConfig.maxPageSize", label: "Batch size", value: "5000" },
      { path: "oddThing", label: "Odd thing", value: "Yes" },
    ]);
    expect(sourceFacts(undefined)).toEqual([]);
  });

  test("of a destination leave out what has a tab of its own", () => {
    const config = to({
      Salesforce: {
        object: "Account",
        writeOperationType: "UPSERT",
        idFieldNames: ["Ext__c", "Id"],
        errorHandlingConfig: { bucketName: "b" },
      },
    });
    expect(destinationFacts(config).map(({ label, value }) => [label, value])).toEqual([
      ["Object", "Account"],
      ["Write operation", "Upsert"],
      ["Key fields", "Ext__c, Id"],
    ]);
  });
});

describe("location", () => {
  test.each([
    [{ S3: { bucketName: "b", bucketPrefix: "/p/q/" } }, "s3://b/p/q/f/"],
    [{ S3: { bucketName: "b" } }, "s3://b/f/"],
    [{ Salesforce: { object: "Account" } }, "Account"],
    [{ CustomConnector: { entityName: "Deals" } }, "Deals"],
    [{ LookoutMetrics: {} }, undefined],
  ])("%j", (properties, place) => expect(location(to(properties), "f")).toBe(place));

  test("of refused records", () => {
    expect(bucketAddress("b", "errors/")).toBe("s3://b/errors");
    expect(bucketAddress("b", undefined)).toBe("s3://b");
    expect(bucketAddress(undefined, "x")).toBeUndefined();
  });
});
