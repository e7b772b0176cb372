// The texts of the connectors pages.
import type { Authentication } from "../connectors/catalogue";
import type { NUMBERS } from "../connectors/capabilities";

export const connectors = {
  title: "Connectors",
  description: "The applications and services that flows can read from and write to.",
  loading: "Loading connectors",
  loadFailed: "The connectors could not be loaded",
  particulars: "Loading what each connector offers",
  particularsFailed: (count: number) =>
    `What ${count === 1 ? "one connector offers" : `${count} connectors offer`} could not be loaded; filters leave ${count === 1 ? "it" : "them"} out.`,
  refresh: "Refresh connectors",
  cards: "Connectors",
  searchPlaceholder: "Find connectors by name, label or description",
  searchLabel: "Find connectors",
  clearSearch: "Clear search",
  matches: (count: number) => (count === 1 ? "1 match" : `${count} matches`),
  role: "Use",
  roleAny: "Source or destination",
  authentication: "Authentication",
  authenticationAny: "Any authentication",
  trigger: "Trigger",
  triggerAny: "Any trigger",
  source: "Source",
  destination: "Destination",
  type: "Type",
  typeAndLabel: (type: string, label: string) => `${type}, label ${label}`,
  noMatchTitle: "No matches",
  noMatchText: "No connector matches the search and the filters.",
  clear: "Clear filters",
  emptyTitle: "No connectors",
  emptyText: "This server offers no connector.",

  help: {
    title: "Connectors",
    intro:
      "A connector knows one application: how a connection to it proves who it is, what can be read from it, and what can be written to it.",
    labelHeading: "Connectors with a label",
    labelText:
      "Many applications share the type CustomConnector and are told apart by their label. In an API call, both are given.",
    nextHeading: "What to do next",
    next: "Open a connector to see which credentials it asks for, then create a connection of it.",
  },
} as const;

export const authenticationNames: Readonly<Record<Authentication, string>> = {
  oauth2: "OAuth 2.0",
  basic: "User name and password",
  apiKey: "API key",
  custom: "Custom",
  none: "No connection needed",
};

/** One connector. */
export const connector = {
  loading: "Loading connector",
  loadFailed: "The connector could not be loaded",
  formFailed: "What a connection needs could not be loaded",
  all: "View all connectors",
  notFoundTitle: "Connector not found",
  notFoundText: (name: string) => `This server knows no connector ${name}. The link may be old or mistyped.`,
  createConnection: "Create connection",
  viewConnections: "View connections",

  overview: "Overview",
  type: "Connector type",
  label: "Connector label",
  labelKnown: "Spelling confirmed",
  labelUnknown: "Spelling not confirmed",
  labelUnknownHelp:
    "No public source shows how the service spells this label. It follows the vendor's name; software written for the service may use another spelling.",
  owner: "Owner",
  version: "Version",
  use: "Use in flows",
  modes: "Connection modes",
  modePublic: "Public",
  modePrivate: "Private",
  privateMode: "Private mode",
  privateLinkName: "The name of a PrivateLink service may be given; it is kept, and not used here",
  provisioning: "Provisioned by",
  registered: "Registered",
  by: (who: string) => `by ${who}`,
  arn: "ARN",

  authentication: "Authentication",
  authenticationDescription: "How a connection proves to the application who it is.",
  noConnection: "Flows use this connector without a connection.",
  grantTypes: "Grant types",
  scopes: "Scopes",
  tokenUrls: "Token URLs",
  authCodeUrls: "Authorization URLs",
  ownUrls: "Named by the connection",
  customKind: (name: string) => `Custom authentication ${name}`,

  fields: "What a connection needs",
  properties: "Connection properties",
  propertiesDescription: "Where the application is and how it is spoken to. Anybody who may see the connection can read these.",
  credentials: "Credentials",
  credentialsDescription: "Kept in the server's encrypted vault, and never given back by the API.",
  noProperties: "This connector has no connection properties.",
  noCredentials: "This connector takes no credentials.",
  field: "Field",
  fieldPath: "API member",
  needed: "Needed",
  required: "Required",
  requiredInGroup: "Required with its group",
  optional: "Optional",
  about: "Description",
  values: "Values",
  secret: "Secret",
  destination: "Decides where credentials are sent",
  oauth: "Never copied to another connection",
  oneOf: (options: string) => `One of ${options}`,
  knownKeys: (keys: string) => `Known keys: ${keys}`,
  upTo: (characters: string) => `Up to ${characters} characters`,
  from: (minimum: string, maximum: string) => `${minimum} to ${maximum}`,
  atLeast: (minimum: string) => `${minimum} or more`,
  atMost: (maximum: string) => `${maximum} or less`,
  rules: (count: number) => `Rules (${count})`,
  kinds: {
    text: "Text",
    url: "URL",
    integer: "Whole number",
    boolean: "Yes or no",
    secret: "Text",
    select: "Choice",
    list: "List",
    map: "Keys and values",
    arn: "ARN",
  } as Readonly<Record<string, string>>,

  flows: "What flows can do",
  filterOperators: "Filters",
  valueOperators: "Changes and checks of values",
  triggers: "Triggers",
  frequencies: "Schedules",
  writes: "Write operations",
  destinations: "Destinations of flows from it",
  transferTypes: "Transfers",
  transferApis: "Transfer APIs",
  apiVersions: "API versions",
  regions: "Regions",
  notASource: "Flows cannot read from it.",
  notADestination: "Flows cannot write to it.",

  limits: "Limits and notes",
  noLimits: "No limits are documented beyond those of the application itself.",

  help: {
    title: "Connector",
    intro:
      "This page shows what the connector offers: how a connection of it proves who it is and which fields that takes, and what a flow can do with it.",
    secretHeading: "Secrets",
    secret:
      "Fields marked as secret go to the server's encrypted vault when a connection is saved. Neither this console nor the API gives them back.",
    destinationHeading: "Where credentials are sent",
    destination:
      "Some fields decide where credentials are sent. When one of them changes, the credentials have to be entered again.",
  },
} as const;

export const limitTexts: Readonly<Record<(typeof NUMBERS)[number], (number: string) => string>> = {
  recordsPerRun: (number) => `At most ${number} records a run`,
  sourceMegabytesPerRun: (number) => `At most ${number} MB read a run`,
  destinationMegabytesPerRun: (number) => `At most ${number} MB written a run`,
  megabytesPerFile: (number) => `At most ${number} MB an input file`,
  daysPerRun: (number) => `A date range of at most ${number} days a run`,
};
