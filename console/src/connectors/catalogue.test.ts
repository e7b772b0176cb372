import type { ConnectorConfiguration } from "@aws-sdk/client-appflow";
import { describe, expect, test } from "vitest";
import type { Member } from "../form/types";
import { boundsOf, limitsOf, oauth2Of, operatorsOf, regions, transferApis } from "./capabilities";
import { authentications, type Connector, EVERYTHING, fits, fromDetail, inOrder } from "./catalogue";

const config = (value: object) => value as ConnectorConfiguration;

const sap: Connector = {
  id: "SAPOData",
  type: "SAPOData",
  name: "SAP OData",
  description: "Reads entity sets of OData services.",
  source: true,
  destination: true,
  config: config({
    authenticationConfig: { isBasicAuthSupported: true, isOAuth2Supported: true },
    supportedTriggerTypes: ["Scheduled", "OnDemand"],
  }),
};
const asana: Connector = {
  id: "CustomConnector/Asana",
  type: "CustomConnector",
  label: "Asana",
  name: "Asana",
  description: "Not SAP at all.",
  source: true,
  destination: false,
};
const bucket: Connector = {
  id: "S3",
  type: "S3",
  name: "Amazon S3",
  description: "",
  source: false,
  destination: true,
  config: config({}),
};

const found = (change: Partial<typeof EVERYTHING>) =>
  [sap, asana, bucket].filter((one) => fits(one, { ...EVERYTHING, ...change })).map((one) => one.id);

describe("catalogue", () => {
  test.each([
    [{}, ["SAPOData", "CustomConnector/Asana", "S3"]],
    [{ text: "odata sap" }, ["SAPOData"]],
    [{ text: "customconnector" }, ["CustomConnector/Asana"]],
    [{ text: "  SAP " }, ["SAPOData", "CustomConnector/Asana"]],
    [{ text: "nothing" }, []],
    [{ role: "source" as const }, ["SAPOData", "CustomConnector/Asana"]],
    [{ role: "destination" as const }, ["SAPOData", "S3"]],
    [{ authentication: "basic" as const }, ["SAPOData"]],
    [{ authentication: "none" as const }, ["S3"]],
    [{ trigger: "OnDemand" }, ["SAPOData"]],
    [{ trigger: "Event" }, []],
  ])("%j", (change, ids) => expect(found(change)).toEqual(ids));

  test("is ordered by name, and a search puts names before mentions", () => {
    expect(inOrder([sap, asana, bucket], "").map((one) => one.id)).toEqual(["S3", "CustomConnector/Asana", "SAPOData"]);
    expect(inOrder([asana, sap], "sap").map((one) => one.id)).toEqual(["SAPOData", "CustomConnector/Asana"]);
  });

  test("a row becomes a card", () => {
    expect(fromDetail({})).toBeUndefined();
    expect(
      fromDetail({ connectorType: "CustomConnector", connectorLabel: "Okta", connectorModes: ["SOURCE"] }),
    ).toEqual({
      id: "CustomConnector/Okta",
      type: "CustomConnector",
      label: "Okta",
      name: "Okta",
      description: "",
      source: true,
      destination: false,
    });
  });

  test("ways to prove who one is", () => {
    expect(authentications(sap.config ?? {})).toEqual(["oauth2", "basic"]);
    expect(authentications(config({ authenticationConfig: { isApiKeyAuthSupported: true, isCustomAuthSupported: true } }))).toEqual([
      "apiKey",
      "custom",
    ]);
    expect(authentications({})).toEqual(["none"]);
  });
});

describe("what a connector offers", () => {
  test("operators by what they do, in the server's order", () => {
    expect(operatorsOf(config({ supportedOperators: ["PROJECTION", "NO_OP", "BETWEEN", "NEW_ONE"] }))).toEqual({
      filters: ["PROJECTION", "BETWEEN"],
      values: ["NO_OP", "NEW_ONE"],
    });
  });

  test("OAuth 2 from its defaults, or from the type's own metadata", () => {
    const own = config({ connectorMetadata: { Slack: { oAuthScopes: ["a"] } } });
    expect(oauth2Of(own)).toEqual({ scopes: ["a"], tokenUrls: [], authCodeUrls: [], grantTypes: [] });
    const defaults = { oauthScopes: ["b"], tokenUrls: ["https://t"], authCodeUrls: ["https://a"] };
    expect(oauth2Of(config({ ...own, authenticationConfig: { oAuth2Defaults: defaults } }))).toEqual({
      scopes: ["b"],
      tokenUrls: ["https://t"],
      authCodeUrls: ["https://a"],
      grantTypes: [],
    });
  });

  test("interfaces and regions", () => {
    const built = config({ connectorMetadata: { Salesforce: { dataTransferApis: ["AUTOMATIC"] } } });
    expect(transferApis(built)).toEqual(["AUTOMATIC"]);
    expect(transferApis(config({ ...built, supportedDataTransferApis: [{ Name: "bulk", Type: "ASYNC" }] }))).toEqual([
      "bulk, ASYNC",
    ]);
    expect(regions(config({ connectorMetadata: { Snowflake: { supportedRegions: ["us-east-1"] } } }))).toEqual([
      "us-east-1",
    ]);
  });

  test("limits, of which nothing strange gets through", () => {
    expect(limitsOf({ recordsPerRun: 5, daysPerRun: null, notes: ["n", 3], other: 1 })).toEqual({
      recordsPerRun: 5,
      notes: ["n"],
    });
    expect(limitsOf(undefined)).toEqual({ notes: [] });
  });

  test("bounds of a member, and of the elements of a list", () => {
    const member = (more: object) => ({ path: "p", ...more }) as unknown as Member;
    expect(boundsOf(member({ minimum: 1, maximum: 9 }))).toEqual({ range: [1, 9] });
    expect(boundsOf(member({ maxLength: 5, element: { maxLength: 7 } }))).toEqual({ characters: 7 });
    expect(boundsOf(member({}))).toEqual({});
  });
});
