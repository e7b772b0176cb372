/** Bounds of single fields, in words for people. */

import { form } from "../strings/connections";
import { filledEntries, listOf, textOf, type Field, type FieldValue } from "./values";
import type { Bounds } from "./types";

/** What is wrong with a field's value; `undefined` for a good one and for an empty one. */
export function checkField(field: Field, value: FieldValue | undefined): string | undefined {
  const { member } = field;
  switch (member.kind) {
    case "boolean":
      return undefined;
    case "list":
      return (
        checkCount(listOf(value).length, member) ??
        first(listOf(value), (item) =>
          item === "" ? form.emptyItem : checkText(item, member.element ?? {}, member.kind),
        )
      );
    case "map":
      return checkEntries(field, value);
    case "integer":
      return checkInteger(textOf(value).trim(), member);
    case "select": {
      const text = textOf(value);
      return text === "" || member.options.length === 0 || member.options.includes(text)
        ? undefined
        : form.oneOf(member.options);
    }
    default: {
      const text = textOf(value);
      const sent = member.kind === "url" || member.kind === "arn" ? text.trim() : text;
      return sent === "" ? undefined : checkText(sent, member, member.kind);
    }
  }
}

function first<T>(items: readonly T[], check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = check(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkEntries(field: Field, value: FieldValue | undefined): string | undefined {
  const entries = filledEntries(field.member, value);
  const keys = entries.map((entry) => entry.key);
  const { mapKey, element } = field.member;
  const count = checkCount(entries.length, field.member);
  if (count !== undefined) return count;
  return first(entries, (entry) => {
    if (entry.key === "") return form.emptyKey;
    if (keys.filter((key) => key === entry.key).length > 1) return form.sameKey(entry.key);
    const bad = checkText(entry.key, mapKey ?? {}, "text");
    if (bad !== undefined) return mapKey?.pattern === "[\\w]+" ? form.badKey(entry.key) : form.atKey(entry.key, bad);
    if (entry.value === "") return form.emptyValue(entry.key);
    const found = checkText(entry.value, element ?? {}, "text");
    return found === undefined ? undefined : form.atKey(entry.key, found);
  });
}

function checkCount(count: number, { maxItems }: Bounds): string | undefined {
  return maxItems !== undefined && count > maxItems ? form.tooMany(maxItems) : undefined;
}

function checkInteger(text: string, bounds: Bounds): string | undefined {
  if (text === "") return undefined;
  if (!/^[+-]?\d+$/.test(text)) return form.wholeNumber;
  const number = Number(text);
  const { minimum, maximum } = bounds;
  const low = minimum !== undefined && number < minimum;
  const high = maximum !== undefined && number > maximum;
  return low || high ? form.between(minimum, maximum) : undefined;
}

/** What is wrong with a text. Lengths count characters as the server does, not UTF-16 units. */
export function checkText(text: string, bounds: Bounds, kind: string): string | undefined {
  const length = Array.from(text).length;
  if (bounds.maxLength !== undefined && length > bounds.maxLength) {
    return form.atMost(bounds.maxLength, length);
  }
  if (bounds.minLength !== undefined && length < bounds.minLength) {
    return bounds.minLength === bounds.maxLength
      ? form.exactly(bounds.minLength)
      : form.atLeast(bounds.minLength, length);
  }
  if (bounds.pattern !== undefined && !matches(bounds.pattern, text)) {
    return patternWords(bounds.pattern, text, kind);
  }
  return undefined;
}

const compiled = new Map<string, RegExp | undefined>();

/** Whether a whole text matches; a pattern that this browser cannot read is left to the server. */
export function matches(pattern: string, text: string): boolean {
  if (!compiled.has(pattern)) {
    compiled.set(pattern, compile(pattern, "u") ?? compile(pattern, ""));
  }
  return compiled.get(pattern)?.test(text) ?? true;
}

function compile(pattern: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`, flags);
  } catch {
    return undefined;
  }
}

/** What a pattern wants, said so that a person can act on it. */
function patternWords(pattern: string, text: string, kind: string): string {
  if (/\s/.test(text)) return form.noSpaces;
  if (kind === "url") return form.address;
  if (kind === "arn") return form.arn;
  if (/^\^?\\d\{3\}\$?$/.test(pattern)) return form.threeDigits;
  return form.pattern(pattern);
}

/** What is wrong with the name of a connection; empty names too. */
export function checkName(name: string): string | undefined {
  if (name === "") return form.nameMissing;
  if (name.length > 256) return form.atMost(256, name.length);
  return /^[\w/!@#+=.-]+$/.test(name) ? undefined : form.nameRule;
}
