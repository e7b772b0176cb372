/** What becomes of stored credentials when a connection is edited or copied. */

import { readBelow, within, type Json } from "./document";
import type { ConnectorForm, Member } from "./types";
import { documentsOf, entriesOf, wireValue, type Field, type FieldValue, type Values } from "./values";

/** What a person decided for a stored member. Nothing is kept unless they say so. */
export type Decision = "new" | "keep" | "remove";

/** The decisions by path below `credentials.`; a missing one is "new". */
export type Decisions = { readonly [path: string]: Decision };

/** What the form knows of stored credentials. */
export interface Stored {
  /** The paths below `credentials.` that hold something. */
  readonly paths: readonly string[];
  readonly decisions: Decisions;
  /** Whether nothing may be kept, because the credentials would go elsewhere. */
  readonly locked: boolean;
  /** Whether the form copies a connection: OAuth members are then never kept. */
  readonly isCopy: boolean;
}

/** Nothing is stored: a new connection. */
export const nothingStored: Stored = { paths: [], decisions: {}, locked: false, isCopy: false };

/** The stored paths that belong to a field: itself, or the keys of a map. */
export function storedOf(field: Field, stored: Stored): readonly string[] {
  if (field.side !== "credentials") return [];
  return stored.paths.filter((path) => within(path, field.member.path));
}

/** Whether the member at a stored path may be kept at all. */
export function mayKeep(member: Member, path: string, stored: Stored): boolean {
  if (stored.locked) return false;
  if (!stored.isCopy) return true;
  return !member.oauth && !isOauthKey(member, path.slice(member.path.length + 1));
}

/** Keys are compared without regard to case, `_` and `-`, as the server does. */
function isOauthKey(member: Member, key: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/[_-]/g, "");
  return key !== "" && member.oauthKeys.some((other) => plain(other) === plain(key));
}

/** What holds for a stored path, given what may be kept. */
export function decisionFor(member: Member, path: string, stored: Stored): Decision {
  const decision = stored.decisions[path] ?? "new";
  return decision === "keep" && !mayKeep(member, path, stored) ? "new" : decision;
}

/** The paths to send as `keepCredentials`: those of shown fields for which a person said so. */
export function keptPaths(visible: readonly Field[], stored: Stored): readonly string[] {
  return visible.flatMap((field) =>
    storedOf(field, stored).filter((path) => decisionFor(field.member, path, stored) === "keep"),
  );
}

/**
 * Keeps everything that may be kept and was not removed. What was typed for it goes, but for a
 * select that says which members there are.
 */
export function keepAll(
  visible: readonly Field[],
  values: Values,
  stored: Stored,
): { readonly decisions: Decisions; readonly values: Values } {
  const decisions: { [path: string]: Decision } = { ...stored.decisions };
  const left: { [path: string]: FieldValue } = { ...values };
  for (const field of visible) {
    const { member } = field;
    if (member.kind === "select" && wireValue(member, values[field.path]) !== undefined) continue;
    for (const path of storedOf(field, stored)) {
      if (!mayKeep(member, path, stored) || stored.decisions[path] === "remove") continue;
      decisions[path] = "keep";
      const key = path.slice(member.path.length + 1);
      left[field.path] =
        member.kind === "map" ? entriesOf(left[field.path]).filter((entry) => entry.key !== key) : "";
    }
  }
  return { decisions, values: left };
}

/** The stored paths of shown fields for which neither a value nor a decision is there. */
export function undecided(visible: readonly Field[], values: Values, stored: Stored): readonly string[] {
  return visible.flatMap((field) => {
    const { member } = field;
    return storedOf(field, stored).filter((path) => {
      if (decisionFor(member, path, stored) !== "new") return false;
      // What a copy cannot carry is simply empty in it; the form's own rules say whether it is needed.
      if (stored.isCopy && !mayKeep(member, path, { ...stored, locked: false })) return false;
      if (member.kind === "map") {
        const key = path.slice(member.path.length + 1);
        return !entriesOf(values[field.path]).some((entry) => entry.key === key && entry.value !== "");
      }
      return wireValue(member, values[field.path]) === undefined;
    });
  });
}

/** The labels of the members that decide where credentials go and that differ from the original. */
export function changedDestinations(
  form: ConnectorForm,
  original: Values,
  visible: readonly Field[],
  values: Values,
): readonly string[] {
  const all = form.properties.map((member): Field => ({ path: `properties.${member.path}`, side: "properties", member }));
  const before = documentsOf(all, original).properties;
  const after = documentsOf(visible, values).properties;
  return form.properties
    .filter((member) => member.destination)
    .filter((member) => !same(readBelow(before, member.path), readBelow(after, member.path), member))
    .map((member) => member.label);
}

function same(before: Json | undefined, after: Json | undefined, member: Member): boolean {
  const plain = (value: Json | undefined): unknown => {
    if (typeof value === "string" && member.leading !== undefined && !value.startsWith(member.leading)) {
      return member.leading + value;
    }
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      return Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    }
    return value;
  };
  return JSON.stringify(plain(before)) === JSON.stringify(plain(after));
}
