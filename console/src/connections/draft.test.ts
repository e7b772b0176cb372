// What forms start with, and what an authorization is begun with.
import { describe, expect, it } from "vitest";
import { formNamed } from "../form/fixtures";
import { layoutOf, visibleFields } from "../form/layout";
import type { Authorization, ConnectorForm, MapKey } from "../form/types";
import { validate } from "../form/validate";
import { fieldsOf, filledEntries, type Values } from "../form/values";
import { blockingFields, fingerprintOf, isByCode, readMessage } from "./authorize";
import { linesOf } from "./CredentialsTable";
import { startOf } from "./draft";
import type { Profile } from "./profile";

const sap = formNamed("SAPOData");
const custom = formNamed("CustomConnector");

function source(form: ConnectorForm, properties: unknown, credentials: readonly string[]): Profile {
  return {
    name: "one",
    connectorType: form.connectorType,
    connectorLabel: undefined,
    arn: "",
    isPrivate: false,
    createdAt: undefined,
    lastUpdatedAt: undefined,
    properties,
    form,
    credentials,
  };
}

const key = (name: string, more: Partial<MapKey> = {}): MapKey => ({
  key: name,
  label: name,
  required: true,
  secret: true,
  options: [],
  ...more,
});

function labelled(keys: readonly MapKey[], ways: readonly string[]): ConnectorForm {
  return {
    ...custom,
    credentials: custom.credentials.map((member) =>
      member.path === "custom.credentialsMap"
        ? { ...member, keys }
        : member.path === "custom.customAuthenticationType"
          ? { ...member, options: ways }
          : member,
    ),
  };
}

describe("a form starts", () => {
  it("empty for a new connection, but for the way to log in", () => {
    expect(startOf(layoutOf(sap), undefined)).toEqual({
      values: {},
      alternative: "credentials.basicAuthCredentials",
      decisions: {},
    });
  });

  it("with a line for each key that the connector knows", () => {
    const form = labelled([key("token", { customAuthenticationType: "PAT" })], ["PAT"]);
    const { values } = startOf(layoutOf(form), undefined);
    expect(values["credentials.custom.customAuthenticationType"]).toBe("PAT");
    expect(values["credentials.custom.credentialsMap"]).toEqual([{ key: "token", value: "" }]);
    const several = labelled(
      [key("a", { customAuthenticationType: "A" }), key("b", { customAuthenticationType: "B" })],
      ["A", "B"],
    );
    expect(Object.keys(startOf(layoutOf(several), undefined).values)).toEqual(["credentials.authenticationType"]);
  });

  it("with the original's properties and no credential", () => {
    const stored = ["oAuthCredentials.clientId", "oAuthCredentials.oAuthRequest.authCode", "oAuthCredentials.accessToken"];
    const start = startOf(layoutOf(sap), source(sap, { portNumber: 443 }, stored));
    expect(start.values).toEqual({ "properties.portNumber": "443" });
    expect(start.alternative).toBe("credentials.oAuthCredentials");
    // A code is exchanged once.
    expect(start.decisions).toEqual({ "oAuthCredentials.oAuthRequest.authCode": "remove" });
    expect(startOf(layoutOf(sap), source(sap, {}, stored.slice(0, 2))).decisions).toEqual({});
  });

  it("with a line for each stored key of a map", () => {
    const stored = ["authenticationType", "custom.credentialsMap.pin"];
    expect(startOf(layoutOf(custom), source(custom, {}, stored)).values).toEqual({
      "credentials.authenticationType": "CUSTOM",
      "credentials.custom.credentialsMap": [{ key: "pin", value: "" }],
    });
  });
});

describe("lines of a map", () => {
  it("count where they are filled in, or must be", () => {
    const form = labelled([key("need"), key("may", { required: false })], []);
    const field = fieldsOf(form).find((one) => one.path === "credentials.custom.credentialsMap");
    if (field === undefined) throw new Error("the map is missing");
    const lines = ["need", "may", "", "other"].map((name) => ({ key: name, value: "" }));
    expect(filledEntries(field.member, lines).map((entry) => entry.key)).toEqual(["need", "other"]);
  });
});

describe("the details", () => {
  it("tell which credentials are set, of the way to log in that is stored", () => {
    const lines = linesOf({ form: sap, credentials: ["basicAuthCredentials.username"] });
    expect(lines).toEqual([
      { label: "User name", isSet: true },
      { label: "Password", isSet: false },
    ]);
    expect(linesOf({ form: custom, credentials: ["custom.credentialsMap.pin"] })).toContainEqual({
      label: "Credentials: pin",
      isSet: true,
    });
  });
});

describe("an authorization", () => {
  const authorization: Authorization = {
    authCodeUrlPath: "properties.oAuthProperties.authCodeUrl",
    tokenUrlPath: "properties.oAuthProperties.tokenUrl",
    scopesPath: "properties.oAuthProperties.oAuthScopes",
    clientIdPath: "credentials.oAuthCredentials.clientId",
    authCodePath: "credentials.oAuthCredentials.oAuthRequest.authCode",
    redirectUriPath: "credentials.oAuthCredentials.oAuthRequest.redirectUri",
    authCodeUrls: [],
    tokenUrls: [],
    scopes: [],
  };
  const values = {
    "properties.oAuthProperties.authCodeUrl": "https://a.example.com",
    "properties.oAuthProperties.tokenUrl": "https://t.example.com",
    "credentials.oAuthCredentials.clientId": "id",
  };

  const labels = (given: Values, problems: Iterable<readonly [string, string]> = []) =>
    blockingFields(authorization, fieldsOf(sap), given, new Map(problems)).map((field) => field.member.label);

  it("says what is missing", () => {
    expect(labels(values)).toEqual([]);
    expect(labels({})).toEqual(["Token URL", "Authorization code URL", "Client ID"]);
  });

  it("waits for everything that the form requires of it, but for what it brings", () => {
    const layout = layoutOf(sap);
    const selection = { values, alternative: "credentials.oAuthCredentials", isPrivate: false };
    const visible = visibleFields(layout, selection);
    const stored = { paths: [], decisions: {}, locked: false, isCopy: false };
    const { fields } = validate({ form: sap, layout, visible, selection, stored });
    const found = blockingFields(authorization, visible, values, fields).map((field) => field.path);
    expect(found).toContain("properties.oAuthProperties.oAuthScopes");
    expect(found).toContain("credentials.oAuthCredentials.clientSecret");
    expect(found).toContain("properties.applicationHostUrl");
    expect(found.filter((path) => /authCode$|redirectUri|accessToken|refreshToken/.test(path))).toEqual([]);
  });

  it("does not wait for another way to log in", () => {
    expect(labels(values, [["credentials.basicAuthCredentials.username", "User name is required."]])).toEqual([]);
    expect(labels(values, [[authorization.authCodePath, "no code"]])).toEqual([]);
  });

  it("holds for its own addresses, client and scopes only", () => {
    const before = fingerprintOf(authorization, values);
    expect(fingerprintOf(authorization, { ...values, "properties.portNumber": "1" })).toBe(before);
    for (const path of [...Object.keys(values), "properties.oAuthProperties.oAuthScopes"]) {
      expect(fingerprintOf(authorization, { ...values, [path]: "other" }), path).not.toBe(before);
    }
  });

  it("is for the grant type that has a code", () => {
    const path = "properties.oAuth2Properties.oAuth2GrantType";
    expect(isByCode(fieldsOf(custom), { [path]: "AUTHORIZATION_CODE" })).toBe(true);
    expect(isByCode(fieldsOf(custom), { [path]: "CLIENT_CREDENTIALS" })).toBe(false);
    expect(isByCode(fieldsOf(sap), {})).toBe(true);
  });

  it("hears its own messages and no others", () => {
    expect(readMessage({ state: "s", ok: true, message: "" })).toEqual({ state: "s", ok: true, message: "" });
    for (const other of [undefined, null, "s", 7, {}, { state: 1, ok: true }, { state: "s" }]) {
      expect(readMessage(other)).toBeUndefined();
    }
  });
});
