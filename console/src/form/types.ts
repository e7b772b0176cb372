/** The form of a connection as `/x/describe-connector-form` describes it. */

/** The kinds of fields; a form draws exactly these. */
export type Kind = "text" | "url" | "integer" | "boolean" | "secret" | "select" | "list" | "map" | "arn";

/** What a text or a number must keep to; the wire checks the same. */
export interface Bounds {
  readonly minLength?: number;
  readonly maxLength?: number;
  /** A regular expression that the whole value must match. */
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  /** For a list or a map: how many items it may have. */
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** A key of a map that the connector knows. */
export interface MapKey {
  readonly key: string;
  readonly label: string;
  readonly required: boolean;
  readonly secret: boolean;
  readonly options: readonly string[];
  /** The custom way to log in that asks for it. */
  readonly customAuthenticationType?: string;
}

/** One member of the properties or the credentials. */
export interface Member extends Bounds {
  /** The dotted path below the union's key. */
  readonly path: string;
  readonly label: string;
  readonly help: string;
  readonly kind: Kind;
  /** Needed; for a member of a group, as soon as anything of the group is given. */
  readonly required: boolean;
  readonly example?: unknown;
  /** The values to choose from; for a text or an address suggestions. */
  readonly options: readonly string[];
  /** What the service puts before a value that lacks it. */
  readonly leading?: string;
  /** Whether it decides where credentials are sent. */
  readonly destination: boolean;
  readonly secret: boolean;
  /** Whether it belongs to OAuth: a copy never carries it. */
  readonly oauth: boolean;
  /** For a map: its keys that belong to OAuth. */
  readonly oauthKeys: readonly string[];
  /** The bounds of each item of a list or each value of a map. */
  readonly element?: Bounds;
  /** The bounds of each key of a map. */
  readonly mapKey?: Bounds;
  readonly keys?: readonly MapKey[];
}

/** Something that holds for a connection or does not. */
export type Condition =
  | { readonly present: string }
  | { readonly absent: string }
  | { readonly is: { readonly path: string; readonly value: unknown } }
  | { readonly isNot: { readonly path: string; readonly value: unknown } };

/** What a rule demands. */
export type Check =
  | { readonly all: readonly string[] }
  | { readonly any: readonly string[] }
  | { readonly one: readonly string[] }
  | { readonly none: readonly string[] }
  | { readonly holds: Condition }
  | { readonly startsWith: { readonly path: string; readonly text: string } }
  | { readonly length: { readonly path: string; readonly characters: number } }
  | { readonly samePort: { readonly url: string; readonly port: string } }
  | { readonly urlPath: string };

/** One rule between members; its paths begin with `properties.` or `credentials.`. */
export interface Rule {
  readonly when: readonly Condition[];
  readonly check: Check;
  readonly message: string;
}

/** Where the parts of an OAuth authorization stand in the form. */
export interface Authorization {
  readonly authCodeUrlPath?: string;
  readonly tokenUrlPath?: string;
  readonly scopesPath?: string;
  readonly clientIdPath: string;
  readonly clientSecretPath?: string;
  readonly authCodePath: string;
  readonly redirectUriPath: string;
  readonly authCodeUrls: readonly string[];
  readonly tokenUrls: readonly string[];
  readonly scopes: readonly string[];
}

/** A whole form. */
export interface ConnectorForm {
  readonly connectorType: string;
  readonly connectorLabel?: string;
  /** The key of the type in the unions of a request. */
  readonly unionKey: string;
  readonly connectorName: string;
  readonly credentialsRequired: boolean;
  /** Whether the type has connections at all. */
  readonly hasProfile: boolean;
  readonly properties: readonly Member[];
  readonly credentials: readonly Member[];
  readonly rules: readonly Rule[];
  readonly authorization: Authorization | null;
  readonly limits?: unknown;
  /** Whether the label is one that public sources show. */
  readonly labelIsKnown?: boolean;
}
