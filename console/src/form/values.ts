/** What a person typed, and the documents that it makes. */

import { KEPT, isObject, readBelow, written, type Documents, type Json } from "./document";
import type { ConnectorForm, Member } from "./types";

/** A key and a text of a map. */
export interface Entry {
  readonly key: string;
  readonly value: string;
}

/** What a field holds: a text, yes or no, several texts, or keys and texts. */
export type FieldValue = string | boolean | readonly string[] | readonly Entry[];

/** What all fields hold, by full path (`properties.…`, `credentials.…`). */
export type Values = { readonly [path: string]: FieldValue };

/** The two halves of a connection. */
export type Side = "properties" | "credentials";

/** One field of a form: a member with its full path. */
export interface Field {
  readonly path: string;
  readonly side: Side;
  readonly member: Member;
}

/** Every field of a form, properties first, in the description's order. */
export function fieldsOf(form: ConnectorForm): readonly Field[] {
  return (["properties", "credentials"] as const).flatMap((side) =>
    form[side].map((member) => ({ path: `${side}.${member.path}`, side, member })),
  );
}

/** A field's text; empty for a field that holds none. */
export function textOf(value: FieldValue | undefined): string {
  return typeof value === "string" ? value : "";
}

/** A field's texts. */
export function listOf(value: FieldValue | undefined): readonly string[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly (string | Entry)[]).filter((item): item is string => typeof item === "string");
}

/** A field's keys and texts. */
export function entriesOf(value: FieldValue | undefined): readonly Entry[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly (string | Entry)[]).filter((item): item is Entry => typeof item !== "string");
}

/**
 * The entries of a map that a person filled in: not a line that is empty altogether, nor one for a
 * key that the connector knows and does not insist on.
 */
export function filledEntries(member: Member, value: FieldValue | undefined): readonly Entry[] {
  const optional = (key: string) => member.keys?.some((known) => known.key === key && !known.required) === true;
  return entriesOf(value).filter((entry) => entry.value !== "" || (entry.key !== "" && !optional(entry.key)));
}

/** The text as it is sent: a space around an address, an ARN or a number is a slip of the clipboard. */
function sentText(member: Member, text: string): string {
  return member.kind === "url" || member.kind === "arn" || member.kind === "integer" ? text.trim() : text;
}

/** What the wire gets for a field; `undefined` when the field is left out. */
export function wireValue(member: Member, value: FieldValue | undefined): Json | undefined {
  switch (member.kind) {
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "list": {
      const items = listOf(value).filter((item) => item !== "");
      return items.length > 0 ? items : undefined;
    }
    case "map": {
      const entries = filledEntries(member, value).filter((entry) => entry.key !== "");
      return entries.length > 0 ? Object.fromEntries(entries.map((entry) => [entry.key, entry.value])) : undefined;
    }
    case "integer": {
      const text = sentText(member, textOf(value));
      // What is no whole number goes out as it stands: it is reported at the field, and by the server.
      return text === "" ? undefined : /^[+-]?\d+$/.test(text) ? Number(text) : text;
    }
    default: {
      const text = sentText(member, textOf(value));
      return text === "" ? undefined : text;
    }
  }
}

/** The stored credential members that are kept, as paths below `credentials.`. */
export type Kept = ReadonlySet<string>;

/** The documents of the given fields. With `kept`, a symbol stands where the server keeps what it stores. */
export function documentsOf(fields: readonly Field[], values: Values, kept: Kept = new Set()): Documents {
  const documents: { properties: Json; credentials: Json } = { properties: {}, credentials: {} };
  for (const { path, side, member } of fields) {
    const value = wireValue(member, values[path]);
    if (value !== undefined) documents[side] = written(documents[side], member.path, value);
    if (side !== "credentials") continue;
    for (const stored of kept) {
      const isHere = stored === member.path || (member.kind === "map" && stored.startsWith(`${member.path}.`));
      const given = readBelow(documents.credentials, stored);
      if (isHere && given === undefined) documents.credentials = written(documents.credentials, stored, KEPT);
    }
  }
  return documents;
}

/** The values of a document that the server answered with. */
export function valuesOf(fields: readonly Field[], side: Side, document: unknown): Values {
  const values: { [path: string]: FieldValue } = {};
  for (const field of fields) {
    if (field.side !== side) continue;
    const value = readBelow(document as Json, field.member.path);
    if (value === undefined || value === null) continue;
    const shown = shownValue(field.member, value);
    if (shown !== undefined) values[field.path] = shown;
  }
  return values;
}

function shownValue(member: Member, value: Json): FieldValue | undefined {
  switch (member.kind) {
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "list":
      return Array.isArray(value) ? (value as readonly Json[]).map(String) : undefined;
    case "map":
      return isObject(value)
        ? Object.entries(value).map(([key, text]) => ({ key, value: String(text) }))
        : undefined;
    default:
      return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  }
}
