// What the form starts with, for a new connection, an edit and a copy.
import { nameOf, within } from "../form/document";
import type { Decisions } from "../form/keep";
import { initialAlternative, initialSwitches, type Layout } from "../form/layout";
import { type Entry, type Field, type FieldValue, valuesOf, type Values } from "../form/values";
import type { Profile } from "./profile";

/** What a form is for. */
export type Purpose = "create" | "edit" | "copy";

/** The state of a form when it opens. */
export interface Start {
  readonly values: Values;
  readonly alternative: string | undefined;
  readonly decisions: Decisions;
}

/** The original's properties, the way of logging in that its credentials tell, and no credential. */
export function startOf(layout: Layout, source: Profile | undefined): Start {
  const stored = source?.credentials ?? [];
  const alternative = initialAlternative(layout, stored);
  const hasTokens = stored.some((path) => ["accessToken", "refreshToken"].includes(nameOf(path)));
  const decisions = Object.fromEntries(
    // A code is exchanged once: beside the tokens that it brought, what is left of it is of no use.
    stored
      .filter((path) => hasTokens && ["authCode", "redirectUri"].includes(nameOf(path)))
      .map((path) => [path, "remove" as const]),
  );
  return {
    alternative,
    decisions,
    values: {
      ...initialSwitches(layout, stored, alternative),
      ...(source === undefined ? knownKeys(layout.fields) : valuesOf(layout.fields, "properties", source.properties)),
      ...storedKeys(layout.fields, stored),
    },
  };
}

/**
 * For a new connection: the only custom way to log in, and a line for each key that the connector
 * knows of a map. Where there are several ways, a person names one first.
 */
export function knownKeys(fields: readonly Field[]): Values {
  const values: { [path: string]: FieldValue } = {};
  for (const { path, member } of fields) {
    const [only, ...others] = member.options;
    const isWay = nameOf(path) === "customAuthenticationType";
    if (isWay && only !== undefined && others.length === 0) values[path] = only;
    const keys = member.keys ?? [];
    const ways = new Set(keys.map((key) => key.customAuthenticationType));
    if (keys.length > 0 && ways.size === 1) values[path] = keys.map(({ key }): Entry => ({ key, value: "" }));
  }
  return values;
}

/** A line without a value for each stored key of a map, to be filled or decided about. */
export function storedKeys(fields: readonly Field[], stored: readonly string[]): Values {
  const values: { [path: string]: FieldValue } = {};
  for (const field of fields) {
    if (field.side !== "credentials" || field.member.kind !== "map") continue;
    const keys = stored
      .filter((path) => path !== field.member.path && within(path, field.member.path))
      .map((path): Entry => ({ key: path.slice(field.member.path.length + 1), value: "" }));
    if (keys.length > 0) values[field.path] = keys;
  }
  return values;
}
