// The texts of the frame around every page, of sign-in and of errors.
export const shell = {
  product: "Tidegate",
  navigation: "Side navigation",
  topNavigation: "Top navigation",
  breadcrumbs: "Breadcrumbs",
  notifications: "Notifications",
  help: "Help panel",
  skip: "Skip to main content",
  flows: "Flows",
  connections: "Connections",
  connectors: "Connectors",
  documentTitle: (title: string) => `${title} | Tidegate`,
  region: "Region",
  accountId: (id: string) => `Account ID: ${id}`,
  account: "Account",
  appearance: "Appearance",
  themeLight: "Light theme",
  themeDark: "Dark theme",
  themeSystem: "System theme",
  densityComfortable: "Comfortable density",
  densityCompact: "Compact density",
  changePassword: "Change password",
  signOut: "Sign out",
  version: (version: string) => `Tidegate ${version}`,

  infoLabel: (title: string) => `Information about ${title}`,
  dismiss: "Dismiss message",
  requestId: (id: string) => `Request ID: ${id}`,
  success: "Success",
  information: "Information",
  error: "Error",
  stackedNotifications: "Notifications",

  notFoundTitle: "Page not found",
  notFoundText: "There is no page at this address. The link may be old or mistyped.",
  notFoundAction: "Go to connections",

  brokenTitle: "The page stopped working",
  brokenChunk:
    "A part of the console could not be loaded. The server may have been updated since this page was opened.",
  reload: "Reload page",
  tryAgain: "Try again",

  unreachable: "The server cannot be reached. Check the network and that Tidegate is running.",
  unreachableTitle: "Cannot reach Tidegate",
  answerNotUnderstood: (status: number) =>
    `The server's answer (status ${status}) was not understood. A proxy between the browser and Tidegate may have answered.`,
  unknownError: "Something went wrong.",
} as const;

/** Sign-in, the end of a session, and the password. */
export const signIn = {
  title: "Sign in to Tidegate",
  userName: "User name",
  password: "Password",
  showPassword: "Show password",
  submit: "Sign in",
  submitting: "Signing in",
  with: (name: string) => `Sign in with ${name}`,
  or: "or",
  userNameMissing: "Enter a user name.",
  passwordMissing: "Enter a password.",
  failed: "You were not signed in",
  lockedTitle: "Too many attempts",
  locked: (seconds: number) =>
    `Too many attempts to sign in. Try again in ${seconds === 1 ? "1 second" : `${seconds} seconds`}.`,
  lockedOver: "You can try again now.",
  noUsersTitle: "There is no user yet",
  noUsers: "Create the first user on the machine where Tidegate runs. The command prints the password once.",
  noUsersCommand: "tidegate user create NAME",
  checkAgain: "I created a user",
  noWayTitle: "Sign-in is turned off",
  noWay: "This server accepts neither passwords nor an identity provider.",

  ended: "Your session has ended. Sign in again.",
  idle: (minutes: number) =>
    `You were signed out because there was no activity for ${minutes} minutes.`,
  elsewhere: "You signed out in another tab.",
  signedOut: "You have signed out.",
  signOutFailed:
    "The page has forgotten its keys, but the server could not be told. The session may stay open until it is idle for too long.",

  idleTitle: "Are you still there?",
  idleText: (seconds: number) =>
    `There was no activity for a while. You will be signed out in ${seconds} seconds.`,
  stay: "Stay signed in",

  changeTitle: "Change password",
  current: "Current password",
  next: "New password",
  repeat: "Repeat new password",
  changeHelp: "Your other sessions are signed out.",
  differ: "The two passwords are not the same.",
  same: "Choose a password that is not the current one.",
  changed: "Password changed. Your other sessions were signed out.",
} as const;
