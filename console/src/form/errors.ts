/** Finds the fields that an answer of the server is about. */

import { nameOf, within } from "./document";
import { checkPaths } from "./rules";
import type { Problems } from "./validate";
import type { Field } from "./values";
import type { ConnectorForm } from "./types";

/** The path under which the form keeps the connection's name. */
export const NAME = "connectorProfileName";

/** Sorts an error of the server to the fields it names; what names none stays whole. */
export function placeError(form: ConnectorForm, visible: readonly Field[], message: string): Problems {
  const fields = new Map<string, string>();
  const whole: string[] = [];
  const put = (path: string, text: string) => {
    const before = fields.get(path);
    fields.set(path, before === undefined ? text : `${before}; ${text}`);
  };
  const bare = message.replace(/^Validation exception:\s*/, "");
  for (const part of partsOf(form, bare)) {
    const path = pathOf(form, visible, part);
    if (path === undefined) whole.push(part);
    else put(path, part);
  }
  return { fields, whole };
}

/** The findings in one message. Known ones are taken out whole, because their texts may hold a semicolon. */
function partsOf(form: ConnectorForm, message: string): readonly string[] {
  const constraints = /^\d+ validation errors? detected:\s*/.exec(message);
  if (constraints !== null) {
    return message.slice(constraints[0].length).split(/;\s*(?=Value\b)/).map((part) => part.trim());
  }
  const known = form.rules.map((rule) => rule.message).filter((text) => message.includes(text));
  let rest = message;
  for (const text of known) rest = rest.replace(text, "");
  const others = rest.split(/;\s*/).map((part) => part.trim()).filter((part) => part !== "");
  return known.length === 0 && !/ cannot be blank for connector: /.test(message) ? [message] : [...known, ...others];
}

/** The field that one finding is about. */
function pathOf(form: ConnectorForm, visible: readonly Field[], part: string): string | undefined {
  const at = / at '([^']+)'/.exec(part)?.[1];
  if (at !== undefined) return fieldOfWirePath(form, visible, at);
  if (/\b(profile|connection)\b.*\balready exists\b/i.test(part)) return NAME;
  const rule = form.rules.find((one) => one.message === part);
  if (rule !== undefined) {
    const found = checkPaths(rule.check)
      .map((path) => visible.find((field) => within(field.path, path)))
      .find((field) => field !== undefined);
    if (found !== undefined) return found.path;
  }
  const blank = /^(\w+) cannot be blank for connector: /.exec(part)?.[1];
  if (blank === undefined) return undefined;
  return visible.find((field) => nameOf(field.path).toLowerCase() === blank.toLowerCase())?.path;
}

/** The field at a path of the request, such as `connectorProfileConfig.connectorProfileProperties.Slack.instanceUrl`. */
function fieldOfWirePath(form: ConnectorForm, visible: readonly Field[], path: string): string | undefined {
  if (path === NAME || path.endsWith(`.${NAME}`)) return NAME;
  for (const side of ["properties", "credentials"] as const) {
    const union = side === "properties" ? "connectorProfileProperties" : "connectorProfileCredentials";
    const marker = `${union}.${form.unionKey}.`;
    const start = path.indexOf(marker);
    if (start < 0) continue;
    const full = `${side}.${path.slice(start + marker.length)}`;
    return (
      visible.find((field) => within(full, field.path)) ?? visible.find((field) => within(field.path, full))
    )?.path;
  }
  return undefined;
}
