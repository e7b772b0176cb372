/** Reading and writing documents by dotted paths, with the server's idea of "absent". */

/** Stands for a value that the server keeps and the page does not know. */
export const KEPT: unique symbol = Symbol("a stored value");

/** What a document holds at a path. */
export type Json = null | boolean | number | string | typeof KEPT | readonly Json[] | { readonly [key: string]: Json };

/** The two inner documents of a connection. */
export interface Documents {
  readonly properties: Json;
  readonly credentials: Json;
}

/** Whether a value is an object with members. */
export function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether a value counts as given. Null, an empty text, an empty list and a
 * group in which nothing is given do not; yes and no and numbers always do.
 */
export function present(value: Json | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "string") return value !== "";
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.values(value).some(present);
  return true;
}

/** What stands at a dotted path below a document. */
export function readBelow(document: Json | undefined, path: string): Json | undefined {
  let at: Json | undefined = document;
  for (const key of path.split(".")) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

/** What stands at a path of a rule; `undefined` for what counts as absent. */
export function read(documents: Documents, path: string): Json | undefined {
  const dot = path.indexOf(".");
  const side = dot < 0 ? path : path.slice(0, dot);
  if (side !== "properties" && side !== "credentials") return undefined;
  const document = documents[side];
  const value = dot < 0 ? document : readBelow(document, path.slice(dot + 1));
  return present(value) ? value : undefined;
}

/** A copy of a document with a value at a dotted path; its groups are made as needed. */
export function written(document: Json | undefined, path: string, value: Json): Json {
  const dot = path.indexOf(".");
  const members = isObject(document) ? document : {};
  if (dot < 0) return { ...members, [path]: value };
  const key = path.slice(0, dot);
  const below = Object.hasOwn(members, key) ? members[key] : undefined;
  return { ...members, [key]: written(below, path.slice(dot + 1), value) };
}

/** The path of the group that a member is in; `undefined` at the top. */
export function groupOf(path: string): string | undefined {
  const dot = path.lastIndexOf(".");
  return dot < 0 ? undefined : path.slice(0, dot);
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** Whether a path is the other or lies below it. */
export function within(path: string, other: string): boolean {
  return path === other || path.startsWith(`${other}.`);
}
