// The texts of the connections pages.

/** Texts of forms that are drawn from a connector's description. */
export const form = {
  required: (label: string) => `${label} is required.`,
  emptyItem: "Remove the empty entry or enter a value.",
  emptyKey: "Enter a key for each value.",
  emptyValue: (key: string) => `Enter a value for ${key}.`,
  sameKey: (key: string) => `The key ${key} appears more than once.`,
  badKey: (key: string) => `The key ${key} may hold only letters, digits and underscores, and at most 128 of them.`,
  tooMany: (most: number) => `Remove entries: at most ${most} are allowed.`,
  atKey: (key: string, problem: string) => `${key}: ${problem}`,
  wholeNumber: "Enter a whole number.",
  between: (minimum: number | undefined, maximum: number | undefined) =>
    minimum === undefined
      ? `Enter ${maximum} or less.`
      : maximum === undefined
        ? `Enter ${minimum} or more.`
        : `Enter a number from ${minimum} to ${maximum}.`,
  atMost: (most: number, now: number) => `Use at most ${most} characters (now ${now}).`,
  atLeast: (least: number, now: number) => `Use at least ${least} characters (now ${now}).`,
  exactly: (length: number) => `Use exactly ${length} characters.`,
  address: "Enter an address that begins with https:// or http://.",
  noSpaces: "Spaces are not allowed here.",
  arn: "Enter a complete ARN of the right kind, as in the example.",
  threeDigits: "Enter three digits.",
  pattern: (pattern: string) => `The value does not match the pattern ${pattern}.`,
  oneOf: (options: readonly string[]) => `Choose one of ${options.join(", ")}.`,
  nameMissing: "Enter a name for the connection.",
  nameRule: "Use only letters, digits and the characters _ / ! @ # + = . -",
  storedUndecided: (key: string) =>
    key === ""
      ? "A value is stored. Enter a new one, or say what becomes of the stored one."
      : `A value is stored under ${key}. Enter a new one, or say what becomes of the stored one.`,
  storedElsewhere: (key: string) =>
    key === ""
      ? "Enter a new value: the stored one was given for another address."
      : `Enter a new value for ${key}: the stored one was given for another address.`,
  storedMustChoose: (key: string) =>
    key === ""
      ? "The original has a value here. Enter one, or say what becomes of it."
      : `The original has a value under ${key}. Enter one, or say what becomes of it.`,
} as const;

/** Texts of the list, the details and the form. */
export const connections = {
  title: "Connections",
  manage: "Manage connections",
  manageDescription: "A connection holds the address of an application and the credentials that flows log in with.",
  listLabel: "Connections",
  allConnectors: "All connectors",
  connectors: "Connectors",
  connectorsPlaceholder: "Choose a connector",
  findConnector: "Find a connector",
  noConnector: "No connector matches",
  custom: "Custom connectors",
  builtIn: "Applications",
  findName: "Find connections by name",
  clearFilter: "Clear filter",
  clearFilters: "Clear filters",
  healthFilter: "Health",
  anyHealth: "Any",
  matches: (count: number) => (count === 1 ? "1 match" : `${count} matches`),
  create: "Create connection",
  view: "View details",
  edit: "Edit",
  copy: "Copy to new connection",
  test: "Test",
  testing: "Testing",
  delete: "Delete",
  refresh: "Refresh connections",
  refreshDetails: "Refresh",
  selectOne: "Select a connection first.",
  columns: {
    name: "Connection name",
    connector: "Connector",
    mode: "Mode",
    lastUpdated: "Last updated",
    health: "Health",
    usedBy: "Used by",
  },
  usedBy: (count: number) => (count === 1 ? "1 flow" : `${count} flows`),
  usedByNone: "No flows",
  modes: { Public: "Public", Private: "Private" } as Readonly<Record<string, string>>,
  health: {
    Proved: "Proved",
    Refused: "Refused",
    Unreachable: "Unreachable",
    CannotBeTested: "Cannot be tested",
    NotChecked: "Not tested",
  } as Readonly<Record<string, string>>,
  checkedAt: (when: string) => `Tested ${when}`,
  empty: {
    title: "No connections",
    text: "A connection holds the address of an application and the credentials to log in with. Flows use connections to read records and to write them. Create one for each account or system that your flows work with.",
    forConnector: (name: string) => `No connection for ${name} exists yet.`,
  },
  withoutConnections: (name: string) =>
    `${name} needs no connection. Name it as the source or destination of a flow.`,
  noMatch: {
    title: "No matches",
    text: "No connection fits the filters.",
  },
  loadingList: "Loading connections",
  listFailed: "The connections could not be loaded",
  connectorsFailed: "The connectors could not be loaded",
  retry: "Retry",
  rows: (first: number, last: number, total: number) => `Displaying connections ${first} to ${last} of ${total}`,
  selection: { group: "Connection selection", item: (name: string) => `Select ${name}` },
  pages: {
    next: "Next page",
    previous: "Previous page",
    page: (page: number, all: number) => `Page ${page} of ${all}`,
  },
  preferences: {
    title: "Preferences",
    confirm: "Confirm",
    cancel: "Cancel",
    pageSize: "Page size",
    pageSizeOption: (size: number) => `${size} connections`,
    wrap: "Wrap lines",
    wrapDescription: "Shows the whole text of a cell on several lines.",
    columns: "Columns",
    columnsDescription: "Choose which columns are shown, and in which order.",
  },
  tested: (name: string, words: string) => `${name}: ${words}`,
  testFailed: (name: string) => `${name} could not be tested`,
  testResult: {
    Proved: (name: string) => `The login of ${name} works`,
    Refused: (name: string) => `The application refused the login of ${name}`,
    Unreachable: (name: string) => `The application of ${name} could not be reached`,
    CannotBeTested: (name: string) => `${name} cannot be tested`,
  },
  unknown: {
    option: "Unknown connector",
    title: "Unknown connector",
    text: (name: string) => `This server knows no connector ${name}. The link may be old or mistyped.`,
    back: "View all connections",
  },
  notFound: {
    title: "Connection not found",
    text: (name: string) => `There is no connection with the name ${name}. It may have been deleted.`,
    back: "View all connections",
  },
} as const;

/** Texts of the details page. */
export const details = {
  overview: "Connection details",
  settings: "Connection settings",
  noSettings: "This connector has no settings.",
  credentials: "Credentials",
  credentialsDescription: "The server keeps credentials encrypted and never shows them.",
  noCredentials: "No credentials are stored.",
  set: "Set",
  notSet: "Not set",
  name: "Connection name",
  connector: "Connector",
  label: "Connector label",
  arn: "ARN",
  copyArn: "Copy ARN",
  arnCopied: "ARN copied",
  arnNotCopied: "The ARN could not be copied",
  mode: "Connection mode",
  created: "Created",
  updated: "Last updated",
  health: "Health",
  healthTitle: "Health",
  lastMessage: "Message of the last test",
  lastTested: "Last tested",
  never: "Never",
  usedBy: "Used by",
  usedByDescription: "The flows that name this connection as source or destination.",
  flowColumns: { name: "Flow name", status: "Status", lastRun: "Last run", lastRunStatus: "Result" },
  noFlows: "No flow uses this connection",
  noFlowsText: "Flows that read or write with this connection are listed here.",
  neverRun: "Never run",
  loading: "Loading connection",
  failed: "The connection could not be loaded",
} as const;

/** Texts of the dialogue that deletes a connection. */
export const deletion = {
  title: "Delete connection",
  question: (name: string) => `Delete the connection ${name}? Its credentials are erased. This cannot be undone.`,
  loading: "Looking for flows that use the connection",
  usageFailed: "The flows that use the connection could not be listed",
  inUse: (count: number) =>
    count === 1 ? "One flow uses this connection" : `${count} flows use this connection`,
  inUseText: "These flows fail with their next run once the connection is gone:",
  more: (count: number) => `and ${count} more`,
  force: "Delete the connection although flows use it",
  word: "delete",
  typeWord: "To confirm, type delete in the field.",
  typeLabel: "Confirmation",
  confirm: "Delete",
  cancel: "Cancel",
  close: "Close dialog",
  failed: "The connection was not deleted",
  done: (name: string) => `The connection ${name} was deleted.`,
} as const;

/** Texts of the form. */
export const editor = {
  createTitle: "Create connection",
  editTitle: (name: string) => `Edit ${name}`,
  copyTitle: (name: string) => `Copy ${name} to new connection`,
  createButton: "Create connection",
  editButton: "Save changes",
  copyButton: "Create connection",
  cancel: "Cancel",
  sending: "The server logs in to the application",
  loading: "Loading the form",
  failed: "The form could not be loaded",
  connector: "Connector",
  connectorDescription: "The application that this connection leads to.",
  chooseConnector: "Choose the connector first. The form shows what it needs.",
  labelUnproven:
    "No public source shows this connector's label. Should a connection be refused at AWS, its label may be spelled differently there.",
  details: "Connection details",
  name: "Connection name",
  nameDescription: "Flows refer to the connection by this name. It cannot be changed later.",
  nameRule: "1 to 256 characters: letters, digits and _ / ! @ # + = . -",
  mode: "Connection mode",
  public: "Public",
  publicDescription: "Requests go to the application's address as it stands.",
  private: "Private",
  privateDescription:
    "For connections made with AWS PrivateLink. The mode and its settings are kept; requests leave this server as in public mode.",
  settings: "Connection settings",
  authentication: "Authentication",
  way: "How to log in",
  optional: "optional",
  moreSettings: "Optional settings",
  moreAuthentication: "Tokens and codes from elsewhere",
  moreAuthenticationDescription: "Only if you have obtained them already.",
  example: (example: string) => `Example: ${example}`,
  anyOf: (labels: string) => `At least one of these is needed: ${labels}.`,
  yes: "Yes",
  no: "No",
  choose: "Choose an option",
  none: "Not specified",
  show: "Show",
  hide: "Hide",
  addItem: "Add entry",
  removeItem: "Remove",
  removeItemLabel: (item: string) => `Remove ${item || "the empty entry"}`,
  listItem: (label: string, position: number) => `${label} ${position}`,
  key: "Key",
  value: "Value",
  noItems: "No entries",
  suggestions: "Suggestions",
  useText: (text: string) => `Use "${text}"`,
  knownKey: (label: string, isRequired: boolean) => (isRequired ? label : `${label} - optional`),
  knownValues: (values: string) => `One of: ${values}`,
  itemRemoved: "An entry was removed",
  problems: (count: number) =>
    count === 1 ? "One field needs your attention" : `${count} fields need your attention`,
  problemsText: "Correct the marked fields and try again.",
  serverSays: "The connection was not saved",
  created: (name: string) => `The connection ${name} was created.`,
  updated: (name: string) => `The connection ${name} was saved.`,
  viewIt: "View details",
  leave: "Leave this page",
  leaveQuestion: "What you entered is not saved. Leave the page?",
  leaveConfirm: "Leave",
  leaveStay: "Stay",
  ways: {
    basicAuthCredentials: "User name and password",
    username: "User name and password",
    oAuthCredentials: "OAuth 2.0",
    oAuth2Credentials: "OAuth 2.0",
    BASIC: "User name and password",
    OAUTH2: "OAuth 2.0",
    APIKEY: "API key",
    CUSTOM: "Custom",
    AUTHORIZATION_CODE: "Authorization code",
    CLIENT_CREDENTIALS: "Client credentials",
    JWT_BEARER: "JWT bearer token",
  } as Readonly<Record<string, string>>,
} as const;

/** Texts about stored credentials in the form. */
export const stored = {
  title: "Stored credentials",
  editText:
    "Stored values never leave the server. For each one, enter a new value or say that the stored one is kept or removed. Nothing is kept unless you say so.",
  copyText:
    "Stored values never leave the server. For each one, enter a value for the copy, or say that the original's is taken or left out. What belongs to OAuth is never copied: enter the client ID and the client secret again.",
  keepAllEdit: "Keep all stored values",
  keepAllCopy: "Take all values from the original",
  locked: (labels: string) =>
    `You changed where the credentials are sent (${labels}). Stored values were given for the other address and cannot be used with it: enter them again.`,
  dropped: (labels: string) =>
    `Stored values that the chosen way to log in does not use are removed when you save: ${labels}.`,
  choice: (label: string) => `${label}: stored value`,
  newEdit: "Enter a new value",
  keepEdit: "Keep the stored value",
  removeEdit: "Remove it",
  newCopy: "Enter a value",
  keepCopy: "Take the original's value",
  removeCopy: "Leave it out",
  keptHere: "The stored value is kept.",
  takenHere: "The original's value is taken.",
  removedHere: "The stored value is removed when you save.",
  leftOutHere: "The copy is made without this value.",
} as const;

/** Texts of the authorization in a pop-up. */
export const authorization = {
  title: "Authorization",
  button: "Authorize",
  again: "Authorize again",
  description: (name: string) =>
    `A window opens in which you log in to ${name} and allow access. The code it hands out is kept on the server.`,
  redirect: "Redirect URI to register at the application",
  copyRedirect: "Copy redirect URI",
  redirectCopied: "Redirect URI copied",
  redirectNotCopied: "The redirect URI could not be copied",
  waiting: "Waiting for your consent in the other window",
  closed: "The window was closed before consent was given. Authorize again if that was not intended.",
  done: "Authorized",
  doneText: "The code is used when you save the connection.",
  cancel: "Cancel authorization",
  blocked: "The browser blocked the window. Allow pop-ups for this site and try again.",
  expired: "The authorization has expired. Authorize again.",
  used: "The authorization was used by the attempt that failed. Authorize again.",
  unfinished: "Give your consent in the other window first, or cancel the authorization.",
  discarded: "The authorization was discarded, because the OAuth settings changed. Authorize again.",
  failed: "The authorization did not succeed",
  refused: "The application did not grant access.",
  missing: (labels: string) => `Fill in or correct first: ${labels}.`,
  starting: "Opening the login page of the application",
} as const;

/** Texts of the help panel. */
export const help = {
  list: {
    title: "Manage connections",
    intro:
      "A connection stores the address of an application and the credentials that flows use. Choose an application under Connectors to see its connections only.",
    terms: [
      ["Health", "What the last login said. Test repeats the login now."],
      ["Used by", "The number of flows that name the connection. Open it for the list of flows."],
      ["Copy to new connection", "Opens a filled-in form. OAuth client ID and client secret are empty there and must be entered again."],
      ["Delete", "Erases the credentials. Flows that use the connection fail with their next run."],
    ],
  },
  details: {
    title: "Connection details",
    intro: "What the connection holds. Credentials are never shown: the page only says which of them are set.",
    terms: [
      ["Test", "Logs in to the application now and notes the result."],
      ["Used by", "Flows that name this connection. Follow a name to see the flow and its runs."],
    ],
  },
  form: {
    title: "Connection form",
    intro:
      "The fields come from the connector's description. When you save, the server logs in to the application; only a connection whose login works is stored.",
    terms: [
      ["Connection mode", "Public uses the application's address as it stands. Private is for connections made with AWS PrivateLink."],
      ["OAuth", "Register the redirect URI shown in the form at the application, enter client ID and client secret, and choose Authorize."],
      ["Stored values", "When you edit or copy, stored credentials are kept only where you say so, and never for another address."],
    ],
  },
} as const;
