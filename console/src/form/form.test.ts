// Layout, checks and documents of whole forms.
import { describe, expect, it } from "vitest";
import { present, readBelow, type Json } from "./document";
import { forms, formNamed, profileCases, type ProfileCase } from "./fixtures";
import { changedDestinations, keepAll, nothingStored, type Decisions, type Stored } from "./keep";
import { chosen, initialAlternative, initialSwitches, layoutOf, optionsOf, sectionsOf, visibleFields, type Selection } from "./layout";
import { unionsOf } from "./request";
import type { ConnectorForm } from "./types";
import { requiredPaths, validate, type Draft } from "./validate";
import { fieldsOf, valuesOf, type Values } from "./values";

function draftOf(form: ConnectorForm, values: Values, more: Partial<Selection & { stored: Stored }> = {}): Draft {
  const layout = layoutOf(form);
  const selection: Selection = {
    values,
    alternative: more.alternative ?? initialAlternative(layout, more.stored?.paths ?? []),
    isPrivate: more.isPrivate ?? false,
  };
  return {
    form,
    layout,
    visible: visibleFields(layout, selection),
    selection,
    stored: more.stored ?? nothingStored,
  };
}

function typed(form: ConnectorForm, one: ProfileCase): Values {
  const fields = fieldsOf(form);
  return {
    ...valuesOf(fields, "properties", one.properties ?? {}),
    ...valuesOf(fields, "credentials", one.credentials ?? {}),
  };
}

function leaves(document: unknown, prefix = ""): string[] {
  if (typeof document !== "object" || document === null || Array.isArray(document)) return [prefix];
  return Object.entries(document).flatMap(([key, value]) => leaves(value, prefix === "" ? key : `${prefix}.${key}`));
}

describe.each(Object.entries(profileCases))("the form of %s", (connectorType, cases) => {
  const form = formNamed(connectorType);

  it.each([cases, ...(cases.also ?? [])])("makes the document that it was filled from (%#)", (one) => {
    const values = typed(form, one);
    const alternative = initialAlternative(layoutOf(form), leaves(one.credentials ?? {}));
    const draft = draftOf(form, values, alternative === undefined ? {} : { alternative });
    const problems = validate(draft);
    expect([...problems.fields, ...problems.whole]).toEqual([]);
    const unions = unionsOf(draft);
    const properties = one.properties ?? {};
    if (present(properties as Json)) expect(unions.connectorProfileProperties).toEqual({ [form.unionKey]: properties });
    else expect(unions.connectorProfileProperties).toEqual({ [form.unionKey]: {} });
    expect(unions.connectorProfileCredentials?.[form.unionKey] ?? {}).toEqual(one.credentials ?? {});
    expect(unions.keepCredentials).toEqual([]);
  });

  it("asks for every field that an empty form lacks", () => {
    const draft = draftOf(form, {});
    const problems = validate(draft);
    for (const path of requiredPaths(draft)) expect(problems.fields.has(path), path).toBe(true);
    expect(problems.fields.size + problems.whole.length > 0 || !form.credentialsRequired).toBe(true);
  });

  it("keeps every member within reach", () => {
    const layout = layoutOf(form);
    const alternatives = layout.choice?.alternatives.map((one) => one.key) ?? [undefined];
    const reached = new Set<string>();
    for (const key of alternatives) {
      const byValue = layout.choice?.path;
      const values: Values = byValue === undefined || key === undefined ? {} : { [byValue]: key };
      const options = layout.switches.flatMap((one) => one.alternatives.map((other) => ({ [one.path ?? ""]: other.key })));
      for (const extra of [{}, ...options]) {
        const selection = { values: { ...values, ...extra }, alternative: key, isPrivate: true };
        const visible = visibleFields(layout, selection);
        const sections = sectionsOf(form, layout, visible);
        for (const field of Object.values(sections).flat()) reached.add(field.path);
        if (byValue !== undefined) reached.add(byValue);
      }
    }
    expect([...reached].sort()).toEqual(fieldsOf(form).map((field) => field.path).sort());
  });
});

describe("ways of logging in", () => {
  it("are told apart by an exactly-one-of rule", () => {
    const layout = layoutOf(formNamed("SAPOData"));
    expect(layout.choice?.alternatives).toEqual([
      { key: "credentials.basicAuthCredentials", paths: ["credentials.basicAuthCredentials"], isOffered: true },
      {
        key: "credentials.oAuthCredentials",
        paths: ["credentials.oAuthCredentials", "properties.oAuthProperties"],
        isOffered: true,
      },
    ]);
  });

  it("take along what a rule demands with a member", () => {
    const layout = layoutOf(formNamed("Servicenow"));
    expect(layout.choice?.alternatives[0]?.paths).toEqual(["credentials.username", "credentials.password"]);
  });

  it("are told apart by a member that names them", () => {
    const layout = layoutOf(formNamed("CustomConnector"));
    expect(layout.choice?.path).toBe("credentials.authenticationType");
    expect(layout.choice?.alternatives.map((one) => one.key)).toEqual(["OAUTH2", "APIKEY", "BASIC", "CUSTOM"]);
    const selection = { values: { "credentials.authenticationType": "OAUTH2" }, alternative: undefined, isPrivate: false };
    const paths = visibleFields(layout, selection).map((field) => field.path);
    expect(paths).toContain("properties.oAuth2Properties.tokenUrl");
    expect(paths).not.toContain("credentials.basic.username");
    expect(layout.choice === undefined ? undefined : chosen(layout.choice, selection)).toBe("OAUTH2");
  });

  it("are fewer where a label admits fewer, and the others stay hidden", () => {
    const custom = formNamed("CustomConnector");
    const form = {
      ...custom,
      credentials: custom.credentials.map((one) => (one.path === "authenticationType" ? { ...one, options: ["BASIC"] } : one)),
    };
    const layout = layoutOf(form);
    expect(layout.choice?.alternatives.filter((one) => one.isOffered).map((one) => one.key)).toEqual(["BASIC"]);
    const alternative = initialAlternative(layout, []);
    const values = initialSwitches(layout, [], alternative);
    expect(values).toEqual({ "credentials.authenticationType": "BASIC" });
    const shown = visibleFields(layout, { values, alternative, isPrivate: false }).map((field) => field.path);
    expect(shown.filter((path) => path.startsWith("credentials."))).toEqual([
      "credentials.authenticationType",
      "credentials.basic.username",
      "credentials.basic.password",
    ]);
  });

  it("tell a stored grant type from the token that only it has", () => {
    expect(initialSwitches(layoutOf(formNamed("Salesforce")), ["jwtToken"], undefined)).toEqual({
      "credentials.oAuth2GrantType": "JWT_BEARER",
    });
  });

  it("show a token only for its grant type, and offer no grant type that is refused", () => {
    const form = formNamed("Salesforce");
    const layout = layoutOf(form);
    const shown = (grant: string) =>
      visibleFields(layout, {
        values: { "credentials.oAuth2GrantType": grant },
        alternative: undefined,
        isPrivate: false,
      }).some((field) => field.path === "credentials.jwtToken");
    expect([shown("JWT_BEARER"), shown("AUTHORIZATION_CODE")]).toEqual([true, false]);
    const grant = layout.fields.find((field) => field.path === "credentials.oAuth2GrantType");
    expect(grant === undefined ? [] : optionsOf(form, grant)).toEqual(["AUTHORIZATION_CODE", "JWT_BEARER"]);
  });

  it("leave out of the document what belongs to the other", () => {
    const values = {
      "credentials.basicAuthCredentials.username": "alice",
      "credentials.basicAuthCredentials.password": "pw",
      "credentials.oAuthCredentials.clientId": "id",
      "properties.oAuthProperties.tokenUrl": "https://example.com/t",
    };
    const draft = draftOf(formNamed("SAPOData"), values, { alternative: "credentials.basicAuthCredentials" });
    expect(unionsOf(draft)).toEqual({
      connectorProfileProperties: { SAPOData: {} },
      connectorProfileCredentials: { SAPOData: { basicAuthCredentials: { username: "alice", password: "pw" } } },
      keepCredentials: [],
    });
  });

  it("show PrivateLink members for private connections, and where one is set", () => {
    const form = formNamed("SAPOData");
    const has = (draft: Draft) => draft.visible.some((field) => field.path === "properties.privateLinkServiceName");
    expect(has(draftOf(form, {}))).toBe(false);
    expect(has(draftOf(form, {}, { isPrivate: true }))).toBe(true);
    expect(has(draftOf(form, { "properties.privateLinkServiceName": "com.amazonaws.vpce.x" }))).toBe(true);
  });
});

describe("checks", () => {
  const sap = formNamed("SAPOData");
  const problemAt = (form: ConnectorForm, path: string, value: string | readonly string[]) =>
    validate(draftOf(form, { [path]: value }, { alternative: "credentials.oAuthCredentials" })).fields.get(path);

  it.each([
    ["properties.portNumber", "abc", "Enter a whole number."],
    ["properties.portNumber", "4.5", "Enter a whole number."],
    ["properties.portNumber", "0", "Enter a number from 1 to 65535."],
    ["properties.portNumber", "65536", "Enter a number from 1 to 65535."],
    ["properties.portNumber", " 443 ", undefined],
    ["properties.clientNumber", "1a0", "Enter three digits."],
    ["properties.clientNumber", "10", "Use exactly 3 characters."],
    ["properties.applicationHostUrl", "sap.example.com", "Enter an address that begins with https:// or http://."],
    ["properties.applicationHostUrl", "https://sap.example.com", undefined],
    ["properties.applicationServicePath", "/a b", "Spaces are not allowed here."],
    ["properties.logonLanguage", "ENG", "Use at most 2 characters (now 3)."],
    ["properties.oAuthProperties.oAuthScopes", ["a b"], "Spaces are not allowed here."],
    ["properties.oAuthProperties.oAuthScopes", ["a", ""], "Remove the empty entry or enter a value."],
  ])("%s = %j", (path, value, message) => {
    expect(problemAt(sap, path, value)).toBe(message);
  });

  it("say what is wrong with the keys of a map", () => {
    const path = "properties.profileProperties";
    const at = (entries: { key: string; value: string }[]) =>
      validate(draftOf(formNamed("CustomConnector"), { [path]: entries })).fields.get(path);
    expect(at([{ key: "a", value: "1" }])).toBeUndefined();
    expect(at([{ key: "", value: "1" }])).toBe("Enter a key for each value.");
    expect(at([{ key: "a", value: "" }])).toBe("Enter a value for a.");
    expect(at([{ key: "a-b", value: "1" }])).toContain("may hold only letters");
    expect(at([{ key: "a", value: "1" }, { key: "a", value: "2" }])).toBe("The key a appears more than once.");
    expect(at([{ key: "a", value: "1 2" }])).toBe("a: Spaces are not allowed here.");
  });

  it("put a rule's words at its field", () => {
    const values = { "properties.businessUnitId": "0Xx000000000001AAA", "credentials.accessToken": "t" };
    const fields = validate(draftOf(formNamed("Pardot"), values)).fields;
    expect([...fields]).toEqual([["properties.businessUnitId", "BusinessUnitId must begin with 0Uv for connector: PARDOT"]]);
  });

  it("ask for one of several tokens once", () => {
    const values = { "properties.instanceUrl": "https://x.slack.com", "credentials.clientId": "i", "credentials.clientSecret": "s" };
    const problems = validate(draftOf(formNamed("Slack"), values));
    expect([...problems.fields]).toEqual([["credentials.accessToken", "AuthCode cannot be blank for connector: SLACK"]]);
    expect(problems.whole).toEqual([]);
  });
});

describe("stored credentials", () => {
  const sap = formNamed("SAPOData");
  const properties = {
    applicationHostUrl: "https://sap.example.com",
    applicationServicePath: "/sap",
    portNumber: 443,
    clientNumber: "100",
  };
  const values = valuesOf(fieldsOf(sap), "properties", properties);
  const paths = ["basicAuthCredentials.password", "basicAuthCredentials.username"];
  const draft = (decisions: Decisions, more: Partial<Stored> = {}, typedValues: Values = {}) =>
    draftOf(sap, { ...values, ...typedValues }, { stored: { paths, decisions, locked: false, isCopy: false, ...more } });

  it("choose the way of logging in that they belong to", () => {
    expect(initialAlternative(layoutOf(sap), ["oAuthCredentials.clientId"])).toBe("credentials.oAuthCredentials");
    expect(draft({}).selection.alternative).toBe("credentials.basicAuthCredentials");
  });

  it("are kept only where a person says so", () => {
    const open = validate(draft({}));
    expect([...open.fields.keys()].sort()).toEqual([
      "credentials.basicAuthCredentials.password",
      "credentials.basicAuthCredentials.username",
    ]);
    const half = draft({ "basicAuthCredentials.password": "keep" }, {}, { "credentials.basicAuthCredentials.username": "bob" });
    expect([...validate(half).fields]).toEqual([]);
    expect(unionsOf(half)).toEqual({
      connectorProfileProperties: { SAPOData: properties },
      connectorProfileCredentials: { SAPOData: { basicAuthCredentials: { username: "bob" } } },
      keepCredentials: ["basicAuthCredentials.password"],
    });
    const all = draft({ "basicAuthCredentials.password": "keep", "basicAuthCredentials.username": "keep" });
    expect(unionsOf(all).connectorProfileCredentials).toBeUndefined();
    expect([...validate(all).fields, ...validate(all).whole]).toEqual([]);
  });

  it("are not kept for another destination", () => {
    const moved = { ...values, "properties.applicationHostUrl": "https://elsewhere.example.com" };
    expect(changedDestinations(sap, values, layoutOf(sap).fields, moved)).toEqual(["Application host URL"]);
    expect(changedDestinations(sap, values, layoutOf(sap).fields, { ...values, "properties.clientNumber": "200" })).toEqual([]);
    const locked = draft({ "basicAuthCredentials.password": "keep", "basicAuthCredentials.username": "keep" }, { locked: true });
    expect(unionsOf(locked).keepCredentials).toEqual([]);
    expect(validate(locked).fields.size).toBe(2);
  });

  it("take a removal of what is needed for what it is", () => {
    const gone = draft({ "basicAuthCredentials.password": "remove" }, {}, { "credentials.basicAuthCredentials.username": "bob" });
    expect(validate(gone).fields.get("credentials.basicAuthCredentials.password")).toBe("Password is required.");
  });

  it("of OAuth are never carried by a copy, and its client must be typed", () => {
    const marketo = formNamed("Marketo");
    const stored: Stored = {
      paths: ["accessToken", "clientId", "clientSecret"],
      decisions: { clientId: "keep", clientSecret: "keep", accessToken: "keep" },
      locked: false,
      isCopy: true,
    };
    const copy = draftOf(marketo, { "properties.instanceUrl": "https://000-AAA-000.mktorest.com" }, { stored });
    expect(unionsOf(copy).keepCredentials).toEqual([]);
    expect([...validate(copy).fields.keys()]).toEqual(["credentials.clientId", "credentials.clientSecret"]);
  });

  it("are kept all together, and the way to log in stays", () => {
    const custom = formNamed("CustomConnector");
    const paths = ["authenticationType", "custom.customAuthenticationType", "custom.credentialsMap.pin"];
    const stored: Stored = { paths, decisions: {}, locked: false, isCopy: false };
    const typedValues = {
      "credentials.authenticationType": "CUSTOM",
      "credentials.custom.customAuthenticationType": "typed before",
      "credentials.custom.credentialsMap": [
        { key: "pin", value: "" },
        { key: "more", value: "new" },
      ],
    };
    const kept = keepAll(draftOf(custom, typedValues, { stored }).visible, typedValues, stored);
    expect(kept.values).toEqual({
      "credentials.authenticationType": "CUSTOM",
      "credentials.custom.customAuthenticationType": "",
      "credentials.custom.credentialsMap": [{ key: "more", value: "new" }],
    });
    const draft = draftOf(custom, kept.values, { stored: { ...stored, decisions: kept.decisions } });
    expect([...validate(draft).fields]).toEqual([]);
    expect(unionsOf(draft)).toMatchObject({
      connectorProfileCredentials: {
        CustomConnector: { authenticationType: "CUSTOM", custom: { credentialsMap: { more: "new" } } },
      },
      keepCredentials: ["custom.customAuthenticationType", "custom.credentialsMap.pin"],
    });
  });

  it("of a map are decided key by key", () => {
    const custom = formNamed("CustomConnector");
    const stored = (decisions: Decisions, isCopy = false): Stored => ({
      paths: ["authenticationType", "custom.customAuthenticationType", "custom.credentialsMap.api_key", "custom.credentialsMap.client_secret"],
      decisions: { authenticationType: "keep", "custom.customAuthenticationType": "keep", ...decisions },
      locked: false,
      isCopy,
    });
    const typedKeys = {
      "credentials.authenticationType": "CUSTOM",
      "credentials.custom.customAuthenticationType": "key",
      "credentials.custom.credentialsMap": [{ key: "client_secret", value: "s" }],
    };
    const open = draftOf(custom, typedKeys, { stored: stored({}) });
    expect(validate(open).fields.get("credentials.custom.credentialsMap")).toContain("under api_key");
    const kept = draftOf(custom, typedKeys, { stored: stored({ "custom.credentialsMap.api_key": "keep" }) });
    expect([...validate(kept).fields]).toEqual([]);
    expect(unionsOf(kept).keepCredentials).toContain("custom.credentialsMap.api_key");
    const both: Decisions = { "custom.credentialsMap.api_key": "keep", "custom.credentialsMap.client_secret": "keep" };
    const copy = draftOf(custom, typedKeys, { stored: stored(both, true) });
    expect(unionsOf(copy).keepCredentials).not.toContain("custom.credentialsMap.client_secret");
  });
});

describe("all descriptions", () => {
  it("are there, and five of them have no connections", () => {
    expect(forms).toHaveLength(24);
    expect(forms.filter((form) => !form.hasProfile)).toHaveLength(5);
  });

  it("have examples that pass the fields' own checks", () => {
    for (const form of forms.filter((one) => one.hasProfile)) {
      for (const side of ["properties", "credentials"] as const) {
        const document = Object.fromEntries(form[side].map((member) => [member.path, member.example]));
        for (const field of fieldsOf(form).filter((one) => one.side === side && one.member.example !== undefined)) {
          const values = valuesOf([{ ...field, member: { ...field.member, path: "x" } }], side, {
            x: readBelow(document as unknown as Json, field.member.path) ?? document[field.member.path],
          });
          const problems = validate({ ...draftOf(form, values), visible: [field] });
          const own = problems.fields.get(field.path);
          expect(own?.includes("cannot be blank") === true ? undefined : own, `${form.connectorType} ${field.path}`).toBeUndefined();
        }
      }
    }
  });
});
