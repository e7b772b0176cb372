// Every rule of every description has a case that holds and one that does not, made from the rule.
import { describe, expect, it } from "vitest";
import { present, read, written, type Documents, type Json } from "./document";
import { forms, profileCases } from "./fixtures";
import { checkPaths, findings, isBroken } from "./rules";
import type { Condition, ConnectorForm, Rule } from "./types";

type Side = "properties" | "credentials";

function put(documents: Documents, path: string, value: Json): Documents {
  const [side, ...rest] = path.split(".") as [Side, ...string[]];
  if (rest.length === 0) return { ...documents, [side]: value };
  return { ...documents, [side]: written(documents[side], rest.join("."), value) };
}

/** Something to stand at a path; for a group, at a member that the rule itself does not ask for. */
function fill(form: ConnectorForm, documents: Documents, path: string, avoid: readonly string[] = []): Documents {
  if (read(documents, path) !== undefined) return documents;
  const paths = (["properties", "credentials"] as const).flatMap((side) =>
    form[side].map((member) => ({ path: `${side}.${member.path}`, member })),
  );
  const leaf = paths.find((one) => one.path === path) ??
    paths.find((one) => one.path.startsWith(`${path}.`) && !avoid.includes(one.path));
  if (leaf === undefined) throw new Error(`the rule names ${path}, which is no member`);
  const value: Json = leaf.member.kind === "boolean" ? true : leaf.member.kind === "integer" ? 1 : "something";
  return put(documents, leaf.path, value);
}

function drop(documents: Documents, path: string): Documents {
  return read(documents, path) === undefined ? documents : put(documents, path, null);
}

function meet(form: ConnectorForm, documents: Documents, condition: Condition, rule: Rule): Documents {
  if ("present" in condition) return fill(form, documents, condition.present, checkPaths(rule.check));
  if ("absent" in condition) return drop(documents, condition.absent);
  if ("is" in condition) return put(documents, condition.is.path, condition.is.value as Json);
  return documents;
}

function broken(form: ConnectorForm, rule: Rule, start: Documents): Documents {
  const { check } = rule;
  if ("all" in check || "any" in check) {
    return ("all" in check ? check.all : check.any).reduce(drop, start);
  }
  if ("one" in check || "none" in check) {
    return ("one" in check ? check.one : check.none).reduce((at, path) => fill(form, at, path), start);
  }
  if ("startsWith" in check) return put(start, check.startsWith.path, "~");
  if ("length" in check) return put(start, check.length.path, "x".repeat(check.length.characters + 1));
  if ("samePort" in check) return put(put(start, check.samePort.url, "https://h:1"), check.samePort.port, 2);
  if ("urlPath" in check) return put(start, check.urlPath, "//h/a");
  const { holds } = check;
  if ("isNot" in holds) return put(start, holds.isNot.path, holds.isNot.value as Json);
  throw new Error("a kind of rule without a case");
}

function kept(form: ConnectorForm, rule: Rule, start: Documents): Documents {
  const { check } = rule;
  if ("all" in check) return check.all.reduce((at, path) => fill(form, at, path), start);
  if ("any" in check) return fill(form, start, check.any[0] ?? "");
  if ("one" in check) return fill(form, check.one.reduce(drop, start), check.one[0] ?? "");
  if ("none" in check) return check.none.reduce(drop, start);
  if ("startsWith" in check) return put(start, check.startsWith.path, `${check.startsWith.text}x`);
  if ("length" in check) return put(start, check.length.path, "ü".repeat(check.length.characters));
  if ("samePort" in check) return put(put(start, check.samePort.url, "https://h:2/a"), check.samePort.port, 2);
  if ("urlPath" in check) return put(start, check.urlPath, "/a;v=2/b");
  return start;
}

const empty: Documents = { properties: {}, credentials: {} };

describe.each(forms.filter((form) => form.rules.length > 0))("rules of $connectorType", (form) => {
  it.each(form.rules)("$message", (rule) => {
    const start = rule.when.reduce((at, condition) => meet(form, at, condition, rule), empty);
    expect(isBroken(rule, broken(form, rule, start))).toBe(true);
    expect(isBroken(rule, kept(form, rule, start))).toBe(false);
  });
});

describe.each(Object.entries(profileCases))("documents of %s", (connectorType, cases) => {
  const form = forms.find((one) => one.connectorType === connectorType);
  if (form === undefined) throw new Error(`no description of ${connectorType}`);
  const documentsOf = (one: { properties?: unknown; credentials?: unknown }): Documents => ({
    properties: (one.properties ?? {}) as Json,
    credentials: (one.credentials ?? {}) as Json,
  });

  it("finds nothing wrong with the good ones", () => {
    for (const one of [cases, ...(cases.also ?? [])]) expect(findings(form, documentsOf(one))).toEqual([]);
  });

  it.each(cases.bad ?? [])("says $says", (bad) => {
    let documents = documentsOf(cases);
    for (const path of bad.drop ?? []) documents = put(documents, path, null);
    for (const [path, value] of Object.entries(bad.set ?? {})) documents = put(documents, path, value as Json);
    const said = findings(form, documents).map((finding) => finding.message).join("; ");
    expect(said.toLowerCase()).toContain(bad.says.toLowerCase());
  });

  it("misses each required member", () => {
    for (const side of ["properties", "credentials"] as const) {
      for (const member of form[side].filter((one) => one.required)) {
        const path = `${side}.${member.path}`;
        const documents = documentsOf(cases);
        if (read(documents, path) === undefined) continue;
        expect(findings(form, put(documents, path, null)), path).not.toEqual([]);
      }
    }
  });
});

describe("presence", () => {
  it.each<[Json, boolean]>([
    [null, false],
    ["", false],
    ["a", true],
    [[], false],
    [[""], true],
    [{}, false],
    [{ a: { b: "" } }, false],
    [{ a: { b: false } }, true],
    [false, true],
    [0, true],
  ])("%j is %s", (value, expected) => {
    expect(present(value)).toBe(expected);
  });
});
