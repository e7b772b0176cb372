/** The check of a whole form, before the server gets it and as a person types. */

import { form as words } from "../strings/connections";
import { checkField } from "./check";
import { groupOf, nameOf, present, readBelow, within, type Documents } from "./document";
import { keptPaths, storedOf, undecided, type Stored } from "./keep";
import { chosenPaths, type Layout, type Selection } from "./layout";
import { applies, fieldAt, findings } from "./rules";
import { documentsOf, type Field } from "./values";
import type { ConnectorForm } from "./types";

/** What is wrong with a form: at its fields (full paths), and as a whole. */
export interface Problems {
  readonly fields: ReadonlyMap<string, string>;
  readonly whole: readonly string[];
}

/** Everything that a check looks at. */
export interface Draft {
  readonly form: ConnectorForm;
  readonly layout: Layout;
  readonly visible: readonly Field[];
  readonly selection: Selection;
  readonly stored: Stored;
}

/** The documents of a draft, with a symbol for each value that is kept. */
export function draftDocuments(draft: Draft): Documents {
  const kept = new Set(keptPaths(draft.visible, draft.stored));
  return documentsOf(draft.visible, draft.selection.values, kept);
}

/** The full paths of the shown fields that cannot be left empty as things are. */
export function requiredPaths(draft: Draft, documents: Documents = draftDocuments(draft)): ReadonlySet<string> {
  const { form, visible } = draft;
  const chosen = chosenPaths(draft.layout, draft.selection);
  const demanded = form.rules.flatMap((rule) =>
    "all" in rule.check && applies(rule, documents) ? rule.check.all : [],
  );
  const isGroupNeeded = (field: Field): boolean => {
    const group = groupOf(field.member.path);
    if (group === undefined) {
      return field.side === "properties" || form.credentialsRequired || present(documents.credentials);
    }
    const full = `${field.side}.${group}`;
    return (
      [...chosen, ...demanded].some((path) => within(full, path)) || present(readBelow(documents[field.side], group))
    );
  };
  const required = new Set<string>();
  for (const field of visible) {
    const needed =
      (field.member.required && isGroupNeeded(field)) ||
      chosen.includes(field.path) ||
      demanded.includes(field.path) ||
      isOauthOfCopy(field, draft.stored);
    if (needed) required.add(field.path);
  }
  return required;
}

/** A copy needs the OAuth client of its own wherever the original has one. */
function isOauthOfCopy(field: Field, stored: Stored): boolean {
  const name = nameOf(field.path);
  const isClient = name === "clientId" || name === "clientSecret";
  return stored.isCopy && field.member.oauth && isClient && storedOf(field, stored).length > 0;
}

/** Checks a draft: the bounds of each field, what is needed, and every rule of the description. */
export function validate(draft: Draft): Problems {
  const { form, visible, stored } = draft;
  const { values } = draft.selection;
  const documents = draftDocuments(draft);
  const fields = new Map<string, string>();
  const whole: string[] = [];
  const put = (path: string, message: string) => {
    if (!fields.has(path)) fields.set(path, message);
  };
  for (const field of visible) {
    const found = checkField(field, values[field.path]);
    if (found !== undefined) put(field.path, found);
  }
  for (const path of undecided(visible, values, stored)) {
    const field = visible.find((one) => one.side === "credentials" && within(path, one.member.path));
    if (field === undefined) continue;
    const key = path.slice(field.member.path.length + 1);
    const say = stored.locked ? words.storedElsewhere : stored.isCopy ? words.storedMustChoose : words.storedUndecided;
    put(field.path, say(key));
  }
  for (const path of requiredPaths(draft, documents)) {
    const field = visible.find((one) => one.path === path);
    if (field === undefined) continue;
    if (!present(readBelow(documents[field.side], field.member.path))) put(path, words.required(field.member.label));
  }
  const paths = visible.map((field) => field.path);
  const hasCredentialError = () => Array.from(fields.keys()).some((path) => path.startsWith("credentials."));
  for (const { message, paths: blamed } of findings(form, documents)) {
    const field = fieldAt(preferred(form, blamed), paths);
    if (blamed.includes("credentials") && hasCredentialError()) continue;
    // A field that already says what is wrong with it needs no second message.
    if (field !== undefined) put(field, message);
    else whole.push(message);
  }
  return { fields, whole };
}

/**
 * Of several members that would do, the code comes first where a button gets it, and last where
 * it is folded away.
 */
function preferred(form: ConnectorForm, paths: readonly string[]): readonly string[] {
  const isCode = (path: string) => nameOf(path) === "authCode";
  const codes = paths.filter(isCode);
  const others = paths.filter((path) => !isCode(path));
  return form.authorization === null ? [...others, ...codes] : [...codes, ...others];
}

/** The sets of members of which at least one is needed now, for a hint above the fields. */
export function anyOf(draft: Draft, documents: Documents = draftDocuments(draft)): readonly (readonly string[])[] {
  const chosen = chosenPaths(draft.layout, draft.selection);
  return draft.form.rules.flatMap((rule) => {
    if (!("any" in rule.check)) return [];
    const matters = rule.when.every(
      (condition) =>
        ("present" in condition && (condition.present === "credentials" || chosen.includes(condition.present))) ||
        applies({ ...rule, when: [condition] }, documents),
    );
    return matters ? [rule.check.any] : [];
  });
}
