// Where the server's words are shown.
import { describe, expect, it } from "vitest";
import { NAME, placeError } from "./errors";
import { formNamed } from "./fixtures";
import { fieldsOf } from "./values";

function placed(type: string, message: string) {
  const form = formNamed(type);
  const { fields, whole } = placeError(form, fieldsOf(form), message);
  return { fields: Object.fromEntries(fields), whole };
}

const at = "failed to satisfy constraint";

describe("an error of the server", () => {
  it("goes to the members that broken constraints name", () => {
    const one = `Value '0' at 'connectorProfileConfig.connectorProfileProperties.SAPOData.portNumber' ${at}: Member must have value greater than or equal to 1`;
    const two = `Value null at 'connectorProfileConfig.connectorProfileProperties.SAPOData.clientNumber' ${at}: Member must not be null`;
    const three = `Value 'a;b' at 'connectorProfileName' ${at}: Member must satisfy regular expression pattern: [\\w/!@#+=.-]+`;
    expect(placed("SAPOData", `3 validation errors detected: ${one}; ${two}; ${three}`)).toEqual({
      fields: { "properties.portNumber": one, "properties.clientNumber": two, [NAME]: three },
      whole: [],
    });
  });

  it("goes to the list or map that holds the broken item", () => {
    const text = `Value 'a b' at 'connectorProfileProperties.SAPOData.oAuthProperties.oAuthScopes.1.member' ${at}: Member must satisfy regular expression pattern: \\S+`;
    expect(placed("SAPOData", `1 validation error detected: ${text}`).fields).toEqual({
      "properties.oAuthProperties.oAuthScopes": text,
    });
  });

  it("goes to a member that must not be blank", () => {
    const text = "AuthCode cannot be blank for connector: SALESFORCE";
    expect(placed("Salesforce", `Validation exception: ${text}`).fields).toEqual({ "credentials.accessToken": text });
    expect(placed("Veeva", "Validation exception: Password cannot be blank for connector: VEEVA").fields).toEqual({
      "credentials.password": "Password cannot be blank for connector: VEEVA",
    });
  });

  it("goes to the members of a rule, even of one whose words hold a semicolon", () => {
    const rule = "BusinessUnitId must have 18 characters for connector: PARDOT";
    const other = "AuthCode cannot be blank for connector: PARDOT";
    expect(placed("Pardot", `Validation exception: ${other}; ${rule}`)).toEqual({
      fields: { "credentials.accessToken": other, "properties.businessUnitId": rule },
      whole: [],
    });
  });

  it("stays whole where it names no field", () => {
    const text = "Error authenticating to connector: the host; or its port; does not answer";
    expect(placed("Slack", text)).toEqual({ fields: {}, whole: [text] });
  });

  it("goes to the name when that is taken", () => {
    const text = "Connector profile: a already exists.";
    expect(placed("Slack", text).fields).toEqual({ [NAME]: text });
  });
});
