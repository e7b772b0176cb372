// The forms of every connector type, as the server tells them, made from the same descriptions and
// the same API model. For tests only.
import { parse } from "yaml";
import type { Bounds, Condition, ConnectorForm, Kind, Member, Rule } from "./types";

const descriptions = import.meta.glob<string>("../../../crates/connectors/src/*/connector.yaml", {
  query: "?raw",
  import: "default",
  eager: true,
});
const models = import.meta.glob<string>("../../../spec/appflow-2020-08-23.json", {
  query: "?raw",
  import: "default",
  eager: true,
});
const profileFiles = import.meta.glob<string>("../../../conformance/data/profiles.yaml", {
  query: "?raw",
  import: "default",
  eager: true,
});

interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
}

interface WrittenMember {
  readonly path: string;
  readonly label: string;
  readonly help: string;
  readonly kind: Kind;
  readonly required?: boolean;
  readonly example?: unknown;
  readonly options?: readonly string[];
  readonly leading?: string;
  readonly destination?: boolean;
  readonly secret?: boolean;
  readonly oauth?: boolean;
  readonly oauthKeys?: readonly string[];
}

interface Description {
  readonly connectorType: string;
  readonly connectorName: string;
  readonly profile?: {
    readonly properties?: readonly WrittenMember[];
    readonly credentials?: readonly WrittenMember[];
    readonly credentialsRequired?: boolean;
    readonly rules?: readonly { readonly when?: readonly Condition[]; readonly check: Rule["check"]; readonly message: string }[];
  };
}

const shapes = (JSON.parse(onlyOne(models)) as { readonly shapes: Readonly<Record<string, Shape>> }).shapes;

function onlyOne(files: Readonly<Record<string, string>>): string {
  const [text] = Object.values(files);
  if (text === undefined) throw new Error("a file of the repository is missing");
  return text;
}

function shapeAt(union: string, unionKey: string, path: string): Shape | undefined {
  let shape = shapes[union];
  for (const name of [unionKey, ...path.split(".")]) {
    const target = shape?.members?.[name]?.shape;
    shape = target === undefined ? undefined : shapes[target];
  }
  return shape;
}

function boundsOf(shape: Shape | undefined): Bounds {
  if (shape === undefined) return {};
  if (shape.type === "integer") {
    return {
      ...(shape.min === undefined ? {} : { minimum: shape.min }),
      ...(shape.max === undefined ? {} : { maximum: shape.max }),
    };
  }
  if (shape.type === "list" || shape.type === "map") {
    return {
      ...(shape.min === undefined ? {} : { minItems: shape.min }),
      ...(shape.max === undefined ? {} : { maxItems: shape.max }),
    };
  }
  return {
    ...(shape.min === undefined ? {} : { minLength: shape.min }),
    ...(shape.max === undefined ? {} : { maxLength: shape.max }),
    ...(shape.pattern === undefined ? {} : { pattern: shape.pattern }),
  };
}

function memberOf(written: WrittenMember, union: string, unionKey: string): Member {
  const shape = shapeAt(union, unionKey, written.path);
  const below = shape?.member ?? shape?.value;
  return {
    required: false,
    options: [],
    destination: false,
    secret: false,
    oauth: false,
    oauthKeys: [],
    ...written,
    ...boundsOf(shape),
    ...(below === undefined ? {} : { element: boundsOf(shapes[below.shape]) }),
    ...(shape?.key === undefined ? {} : { mapKey: boundsOf(shapes[shape.key.shape]) }),
  };
}

/** The key of a type in the unions: the model's member of the same letters. */
function unionKeyOf(connectorType: string): string {
  const keys = Object.keys(shapes["ConnectorProfileProperties"]?.members ?? {});
  return keys.find((key) => key.toLowerCase() === connectorType.toLowerCase()) ?? connectorType;
}

function formOf(text: string): ConnectorForm {
  const description = parse(text) as Description;
  const unionKey = unionKeyOf(description.connectorType);
  const { profile } = description;
  const shouted = description.connectorType.toUpperCase();
  return {
    connectorType: description.connectorType,
    unionKey,
    connectorName: description.connectorName,
    credentialsRequired: profile?.credentialsRequired ?? false,
    hasProfile: profile !== undefined,
    properties: (profile?.properties ?? []).map((one) => memberOf(one, "ConnectorProfileProperties", unionKey)),
    credentials: (profile?.credentials ?? []).map((one) => memberOf(one, "ConnectorProfileCredentials", unionKey)),
    rules: (profile?.rules ?? []).map((rule) => ({
      when: rule.when ?? [],
      check: rule.check,
      message: rule.message.replaceAll("{connector}", shouted),
    })),
    authorization: null,
  };
}

/** The forms of all types. */
export const forms: readonly ConnectorForm[] = Object.values(descriptions).map(formOf);

/** The form of one type. */
export function formNamed(connectorType: string): ConnectorForm {
  const found = forms.find((form) => form.connectorType === connectorType);
  if (found === undefined) throw new Error(`no description of ${connectorType}`);
  return found;
}

/** A connection of `conformance/data/profiles.yaml`. */
export interface ProfileCase {
  readonly label?: string;
  readonly properties?: Record<string, unknown>;
  readonly credentials?: Record<string, unknown>;
}

/** What that file says of a type: a good connection, more good ones, and bad changes. */
export interface TypeCases extends ProfileCase {
  readonly leave?: readonly string[];
  readonly also?: readonly ProfileCase[];
  readonly bad?: readonly {
    readonly drop?: readonly string[];
    readonly set?: Readonly<Record<string, unknown>>;
    readonly says: string;
  }[];
}

/** The conformance data of all types that take a connection. */
export const profileCases = parse(onlyOne(profileFiles)) as Readonly<Record<string, TypeCases>>;
