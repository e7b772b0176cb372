/** Evaluation of a description's rules, as the server does it. */

import { KEPT, present, read, readBelow, groupOf, nameOf, within, type Documents, type Json } from "./document";
import type { Check, Condition, ConnectorForm, Member, Rule } from "./types";

/** Something that does not hold, and the fields (full paths) it belongs to. */
export interface Finding {
  readonly message: string;
  readonly paths: readonly string[];
}

/**
 * Whether a condition holds; `undefined` where that hangs on a stored value
 * that the page does not know.
 */
export function conditionHolds(condition: Condition, documents: Documents): boolean | undefined {
  if ("present" in condition) return read(documents, condition.present) !== undefined;
  if ("absent" in condition) return read(documents, condition.absent) === undefined;
  const { path, value } = "is" in condition ? condition.is : condition.isNot;
  const found = read(documents, path);
  if (found === KEPT) return undefined;
  return (found === value) === "is" in condition;
}

function checkHolds(check: Check, documents: Documents): boolean | undefined {
  const given = (paths: readonly string[]) => paths.filter((path) => read(documents, path) !== undefined).length;
  const text = (path: string): string | undefined => {
    const value = read(documents, path);
    return typeof value === "string" ? value : undefined;
  };
  if ("all" in check) return given(check.all) === check.all.length;
  if ("any" in check) return given(check.any) > 0;
  if ("one" in check) return given(check.one) === 1;
  if ("none" in check) return given(check.none) === 0;
  if ("holds" in check) return conditionHolds(check.holds, documents);
  if ("startsWith" in check) return text(check.startsWith.path)?.startsWith(check.startsWith.text) ?? true;
  if ("samePort" in check) {
    const port = read(documents, check.samePort.port);
    const named = portOf(text(check.samePort.url) ?? "");
    return named === undefined || typeof port !== "number" || (/^\d+$/u.test(named) && Number(named) === port);
  }
  if ("urlPath" in check) {
    const path = text(check.urlPath);
    return path === undefined || isUrlPath(path);
  }
  const value = text(check.length.path);
  return value === undefined || Array.from(value).length === check.length.characters;
}

/** The port that a URL names, as it is written. */
function portOf(url: string): string | undefined {
  const authority = url.split("://")[1]?.split(/[/?#\\]/u)[0] ?? "";
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  return /:([^:].*)$/u.exec(host.slice(host.lastIndexOf("]") + 1))?.[1];
}

/** Whether a text is a path that a URL takes as it is. */
function isUrlPath(path: string): boolean {
  const isDots = (part: string) => /^(?:\.|%2e){1,2}$/iu.test(part);
  return /^\/(?!\/)[^?#\\\p{Cc}]*$/u.test(path) && !path.split("/").some(isDots);
}

/** Whether a rule applies for certain. */
export function applies(rule: Rule, documents: Documents): boolean {
  return rule.when.every((condition) => conditionHolds(condition, documents) === true);
}

/** Whether a rule applies and does not hold. What hangs on an unknown value passes: the server decides. */
export function isBroken(rule: Rule, documents: Documents): boolean {
  return applies(rule, documents) && checkHolds(rule.check, documents) === false;
}

/** The path that a condition reads. */
export function conditionPath(condition: Condition): string {
  if ("present" in condition) return condition.present;
  if ("absent" in condition) return condition.absent;
  return "is" in condition ? condition.is.path : condition.isNot.path;
}

/** The paths that a check reads. */
export function checkPaths(check: Check): readonly string[] {
  if ("all" in check) return check.all;
  if ("any" in check) return check.any;
  if ("one" in check) return check.one;
  if ("none" in check) return check.none;
  if ("holds" in check) return [conditionPath(check.holds)];
  if ("startsWith" in check) return [check.startsWith.path];
  if ("samePort" in check) return [check.samePort.url, check.samePort.port];
  if ("urlPath" in check) return [check.urlPath];
  return [check.length.path];
}

/** The paths to which a broken rule points: those that lack something, or have too much. */
function blamed(rule: Rule, documents: Documents): readonly string[] {
  const { check } = rule;
  if ("all" in check) return check.all.filter((path) => read(documents, path) === undefined);
  if ("none" in check) return check.none.filter((path) => read(documents, path) !== undefined);
  return checkPaths(check);
}

/** The type as the service writes it in its messages. */
export function shouted(form: ConnectorForm): string {
  return form.connectorType.toUpperCase();
}

/** The server's words for a member that is missing. */
export function blankMessage(form: ConnectorForm, path: string): string {
  const name = nameOf(path);
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} cannot be blank for connector: ${shouted(form)}`;
}

/** Whether a required member is wanted: at the top always, in a group as soon as anything of it is given. */
function wanted(member: Member, document: Json): boolean {
  const group = groupOf(member.path);
  return group === undefined || present(readBelow(document, group));
}

/** Every finding on two whole documents, in the server's order and words. */
export function findings(form: ConnectorForm, documents: Documents): readonly Finding[] {
  const found: Finding[] = [];
  const find = (message: string, paths: readonly string[]) => {
    const same = found.findIndex((finding) => finding.message === message);
    if (same < 0) found.push({ message, paths });
  };
  for (const side of ["properties", "credentials"] as const) {
    const document = documents[side];
    if (side === "credentials" && !present(document)) {
      if (form.credentialsRequired) {
        find(`Credentials cannot be blank for connector: ${shouted(form)}`, ["credentials"]);
      }
      continue;
    }
    for (const member of form[side]) {
      if (member.required && wanted(member, document) && !present(readBelow(document, member.path))) {
        find(blankMessage(form, member.path), [`${side}.${member.path}`]);
      }
    }
  }
  for (const rule of form.rules) {
    if (isBroken(rule, documents)) find(rule.message, blamed(rule, documents));
  }
  return found;
}

/** The first field of the form at or below one of the paths, out of those that are shown. */
export function fieldAt(paths: readonly string[], fields: readonly string[]): string | undefined {
  for (const path of paths) {
    const field = fields.find((candidate) => within(candidate, path));
    if (field !== undefined) return field;
  }
  return undefined;
}
