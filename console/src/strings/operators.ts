// Words for the API's operators, triggers, frequencies and the like; what is missing is shown as
// the API spells it.

/** Operators that stand between a field and a value: `departure delay ≥ 15`. */
export const operators: Readonly<Record<string, string>> = {
  PROJECTION: "Choose fields",
  LESS_THAN: "Less than",
  LESS_THAN_OR_EQUAL_TO: "Less than or equal to",
  GREATER_THAN: "Greater than",
  GREATER_THAN_OR_EQUAL_TO: "Greater than or equal to",
  EQUAL_TO: "Equal to",
  NOT_EQUAL_TO: "Not equal to",
  CONTAINS: "Contains",
  BETWEEN: "Between",
  ADDITION: "Add",
  SUBTRACTION: "Subtract",
  MULTIPLICATION: "Multiply",
  DIVISION: "Divide",
  MASK_ALL: "Mask the whole value",
  MASK_FIRST_N: "Mask the first characters",
  MASK_LAST_N: "Mask the last characters",
  VALIDATE_NON_NULL: "Not null",
  VALIDATE_NON_ZERO: "Not zero",
  VALIDATE_NON_NEGATIVE: "Not negative",
  VALIDATE_NUMERIC: "Numeric",
  NO_OP: "Map as it is",
};

export const triggers: Readonly<Record<string, string>> = {
  OnDemand: "On demand",
  Scheduled: "On schedule",
  Event: "On event",
};

export const frequencies: Readonly<Record<string, string>> = {
  BYMINUTE: "Every few minutes",
  HOURLY: "Hourly",
  DAILY: "Daily",
  WEEKLY: "Weekly",
  MONTHLY: "Monthly",
  ONCE: "Once",
};

export const writeOperations: Readonly<Record<string, string>> = {
  INSERT: "Insert",
  UPSERT: "Upsert",
  UPDATE: "Update",
  DELETE: "Delete",
};

export const dataTransferTypes: Readonly<Record<string, string>> = {
  RECORD: "Records",
  FILE: "Files",
};

export const grantTypes: Readonly<Record<string, string>> = {
  AUTHORIZATION_CODE: "Authorization code",
  CLIENT_CREDENTIALS: "Client credentials",
  JWT_BEARER: "JWT bearer",
};

/** The words for a spelling of the API. */
export function wordFor(words: Readonly<Record<string, string>>, spelling: string): string {
  return words[spelling] ?? spelling;
}
