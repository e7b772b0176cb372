/**
 * How a form is laid out. The description's rules tell which members belong to
 * which way of logging in; nothing here knows a connector by name.
 */

import { nameOf, within } from "./document";
import { checkPaths, conditionPath } from "./rules";
import { fieldsOf, textOf, type Field, type Values } from "./values";
import type { ConnectorForm } from "./types";

/** One way of logging in, and the members (full paths, or prefixes of them) that it alone uses. */
export interface Alternative {
  readonly key: string;
  readonly paths: readonly string[];
  /** Whether a person may choose it: a label may admit some of the ways only. */
  readonly isOffered: boolean;
}

/** The choice between ways of logging in. */
export interface AuthChoice {
  /** The select member that says it on the wire; without one only the members given say it. */
  readonly path?: string;
  readonly alternatives: readonly Alternative[];
}

/** What decides whether a field is shown. */
export interface Selection {
  readonly values: Values;
  /** The chosen alternative where no member says it. */
  readonly alternative: string | undefined;
  readonly isPrivate: boolean;
}

/** A form laid out. */
export interface Layout {
  readonly fields: readonly Field[];
  /** The choice by "exactly one of" or by a select member that every alternative hangs on. */
  readonly choice: AuthChoice | undefined;
  /** Further selects on whose value members hang, such as Salesforce's grant type. */
  readonly switches: readonly AuthChoice[];
}

/** Where a field stands. */
export interface Sections {
  readonly settings: readonly Field[];
  readonly moreSettings: readonly Field[];
  readonly authentication: readonly Field[];
  readonly moreAuthentication: readonly Field[];
}

/** Lays a form out. */
export function layoutOf(form: ConnectorForm): Layout {
  const fields = fieldsOf(form);
  const one = oneOf(form);
  const switches = switchesOf(form, fields);
  // A select whose every option stands for members of its own is the choice itself.
  const main = one ?? switches.find((choice) => isWhole(form, fields, choice));
  return { fields, choice: main, switches: switches.filter((choice) => choice !== main) };
}

function isWhole(form: ConnectorForm, fields: readonly Field[], choice: AuthChoice): boolean {
  const field = fields.find((one) => one.path === choice.path);
  return field !== undefined && optionsOf(form, field).every((option) => choice.alternatives.some((one) => one.key === option));
}

/** The alternatives of an "exactly one of" rule on credentials, each with what it demands besides. */
function oneOf(form: ConnectorForm): AuthChoice | undefined {
  for (const rule of form.rules) {
    if (!("one" in rule.check)) continue;
    const paths = rule.check.one;
    if (paths.length < 2 || !paths.every((path) => path.startsWith("credentials."))) continue;
    const alternatives = paths.map((path) => ({
      key: path,
      paths: [path, ...demandedBy(form, path)],
      isOffered: true,
    }));
    return { alternatives };
  }
  return undefined;
}

/** What must be given whenever a member is. */
function demandedBy(form: ConnectorForm, path: string): readonly string[] {
  return form.rules.flatMap((rule) => {
    const [first] = rule.when;
    const only = rule.when.length === 1 && first !== undefined && "present" in first && first.present === path;
    return only && "all" in rule.check ? rule.check.all.filter((other) => !within(other, path)) : [];
  });
}

/** The selects for whose values certain members are demanded. */
function switchesOf(form: ConnectorForm, fields: readonly Field[]): readonly AuthChoice[] {
  return fields
    .filter((field) => field.member.kind === "select")
    .map((field) => {
      const byValue = new Map<string, string[]>();
      for (const rule of form.rules) {
        const [first] = rule.when;
        if (rule.when.length !== 1 || first === undefined || !("is" in first) || !("all" in rule.check)) continue;
        if (first.is.path !== field.path || typeof first.is.value !== "string") continue;
        const paths = byValue.get(first.is.value) ?? [];
        paths.push(...rule.check.all);
        byValue.set(first.is.value, paths);
      }
      const offered = optionsOf(form, field);
      const alternatives = [...byValue]
        .map(([key, paths]) => ({ key, paths, isOffered: offered.includes(key) }))
        // In the order in which the select offers them.
        .sort((before, after) => offered.indexOf(before.key) - offered.indexOf(after.key));
      return { path: field.path, alternatives };
    })
    .filter((choice) => choice.alternatives.length > 0);
}

/** The options of a select without those that a rule never lets pass. */
export function optionsOf(form: ConnectorForm, field: Field): readonly string[] {
  const refused = form.rules.flatMap((rule) => {
    if (rule.when.length > 0 || !("holds" in rule.check) || !("isNot" in rule.check.holds)) return [];
    const { path, value } = rule.check.holds.isNot;
    return path === field.path ? [value] : [];
  });
  return field.member.options.filter((option) => !refused.includes(option));
}

/** The key of the alternative that is chosen. */
export function chosen(choice: AuthChoice, selection: Selection): string | undefined {
  return choice.path === undefined ? selection.alternative : textOf(selection.values[choice.path]) || undefined;
}

/** Whether a field belongs to what is chosen, or to nothing that must be chosen. */
export function isVisible(layout: Layout, field: Field, selection: Selection): boolean {
  if (isPrivateOnly(field) && !selection.isPrivate && selection.values[field.path] === undefined) return false;
  const choices = layout.choice === undefined ? layout.switches : [layout.choice, ...layout.switches];
  return choices.every((choice) => {
    const owners = choice.alternatives.filter(({ paths }) => paths.some((path) => within(field.path, path)));
    const key = chosen(choice, selection);
    return owners.length === 0 || owners.some((owner) => owner.key === key);
  });
}

/** Whether a member means something for private connections only. */
function isPrivateOnly(field: Field): boolean {
  return field.side === "properties" && /privatelink/i.test(field.member.path);
}

/** The fields that are shown. */
export function visibleFields(layout: Layout, selection: Selection): readonly Field[] {
  return layout.fields.filter((field) => isVisible(layout, field, selection));
}

/** The paths that what is chosen stands for: its groups must be filled. */
export function chosenPaths(layout: Layout, selection: Selection): readonly string[] {
  const choices = layout.choice === undefined ? layout.switches : [layout.choice, ...layout.switches];
  return choices.flatMap((choice) => {
    const key = chosen(choice, selection);
    return choice.alternatives.find((alternative) => alternative.key === key)?.paths ?? [];
  });
}

/** The alternative whose stored members an edit finds; with none stored, the first. */
export function initialAlternative(layout: Layout, stored: Iterable<string>): string | undefined {
  if (layout.choice === undefined) return undefined;
  const paths = Array.from(stored, (path) => `credentials.${path}`);
  const { alternatives } = layout.choice;
  const found = alternatives.find((one) => one.paths.some((path) => paths.some((other) => within(other, path))));
  return (found ?? alternatives.find((one) => one.isOffered) ?? alternatives[0])?.key;
}

/**
 * The values of the select members that only say which other members are stored: they can be told
 * from those, although the server never tells a stored value.
 */
export function initialSwitches(layout: Layout, stored: Iterable<string>, alternative: string | undefined): Values {
  const values: { [path: string]: string } = {};
  if (layout.choice?.path !== undefined && alternative !== undefined) values[layout.choice.path] = alternative;
  const paths = Array.from(stored, (path) => `credentials.${path}`);
  for (const choice of layout.switches) {
    const found = choice.alternatives.find((one) => one.paths.some((path) => paths.some((other) => within(other, path))));
    if (choice.path?.startsWith("credentials.") === true && found !== undefined) values[choice.path] = found.key;
  }
  return values;
}

/** Sorts the visible fields into what is always shown and what is folded away. */
export function sectionsOf(form: ConnectorForm, layout: Layout, visible: readonly Field[]): Sections {
  const named = new Set(
    form.rules.flatMap((rule) => [...rule.when.map(conditionPath), ...checkPaths(rule.check)]),
  );
  const sections: { [Name in keyof Sections]: Field[] } = {
    settings: [],
    moreSettings: [],
    authentication: [],
    moreAuthentication: [],
  };
  const owned = (layout.choice?.alternatives ?? []).flatMap((alternative) => alternative.paths);
  const discriminator = layout.choice?.path;
  for (const field of visible) {
    if (field.path === discriminator || isOfPopUp(form, field)) continue;
    if (field.side === "properties" && !owned.some((path) => within(field.path, path))) {
      const plain = field.member.required || field.member.destination || named.has(field.path);
      sections[plain ? "settings" : "moreSettings"].push(field);
    } else {
      sections[isFolded(form, field) ? "moreAuthentication" : "authentication"].push(field);
    }
  }
  return sections;
}

/** Whether a field is filled by the authorization in a pop-up rather than by a person. */
export function isOfPopUp(form: ConnectorForm, field: Field): boolean {
  const { authorization } = form;
  return authorization !== null && [authorization.authCodePath, authorization.redirectUriPath].includes(field.path);
}

/**
 * Codes from elsewhere are rarely typed. Where the page can get the tokens by
 * itself, nobody needs to type those either.
 */
function isFolded(form: ConnectorForm, field: Field): boolean {
  const name = nameOf(field.path);
  if (name === "authCode" || name === "redirectUri" || name === "tokenUrlCustomProperties") return true;
  return form.authorization !== null && (name === "accessToken" || name === "refreshToken");
}
