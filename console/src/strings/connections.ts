// The texts of the connections pages.

/** Texts of forms that are drawn from a connector's description. */
export const form = {
  required: (label: string) => `${label} is required.`,
  emptyItem: "Remove the empty entry or enter a value.",
  emptyKey: "Enter a key for each value.",
  emptyValue: (key: string) => `Enter a value for ${key}.`,
  sameKey: (key: string) => `The key ${key} appears more than once.`,
  badKey: (key: string) => `The key ${key} may hold only letters, digits and underscores, and at most 128 of them.`,
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
  storedMustChoose: (key: string) =>
    key === ""
      ? "The original has a value here. Enter one, or say what becomes of it."
      : `The original has a value under ${key}. Enter one, or say what becomes of it.`,
} as const;

export const connections = {
  title: "Connections",
} as const;
