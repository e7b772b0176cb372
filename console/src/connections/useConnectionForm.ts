// The state of a form and what follows from it.
import { useEffect, useMemo, useState } from "react";
import { checkName } from "../form/check";
import { within } from "../form/document";
import { NAME } from "../form/errors";
import { changedDestinations, type Decision, type Decisions, keepAll, type Stored } from "../form/keep";
import { layoutOf, visibleFields } from "../form/layout";
import type { ConnectorForm } from "../form/types";
import { type Draft, draftDocuments, type Problems, requiredPaths, validate } from "../form/validate";
import { type FieldValue, valuesOf, type Values } from "../form/values";
import { type Purpose, startOf, storedKeys } from "./draft";
import type { Profile } from "./profile";

const NOTHING: readonly string[] = [];

/** What stays when another connector is chosen for a new connection. */
export interface Carried {
  name: string;
  isPrivate: boolean;
}

export function useConnectionForm(
  purpose: Purpose,
  form: ConnectorForm,
  source: Profile | undefined,
  carried: Carried,
) {
  const layout = useMemo(() => layoutOf(form), [form]);
  const start = useMemo(() => startOf(layout, source), [layout, source]);
  const original = useMemo(
    () => valuesOf(layout.fields, "properties", source?.properties ?? {}),
    [layout, source],
  );
  const [name, setName] = useState(purpose === "edit" ? (source?.name ?? "") : carried.name);
  const [isPrivate, setPrivate] = useState(source?.isPrivate ?? carried.isPrivate);
  const [values, setValues] = useState<Values>(start.values);
  const [alternative, setAlternative] = useState(start.alternative);
  const [decisions, setDecisions] = useState<Decisions>(start.decisions);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [isDirty, setDirty] = useState(carried.name !== "");
  const [isSubmitted, setSubmitted] = useState(false);
  const [answered, setAnswered] = useState<Problems>();

  const selection = useMemo(() => ({ values, alternative, isPrivate }), [values, alternative, isPrivate]);
  const visible = useMemo(() => visibleFields(layout, selection), [layout, selection]);
  const paths = source?.credentials ?? NOTHING;
  const moved = useMemo(
    () => (source === undefined || paths.length === 0 ? NOTHING : changedDestinations(form, original, visible, values)),
    [form, original, paths, source, values, visible],
  );
  const isLocked = moved.length > 0;
  const stored: Stored = useMemo(
    () => ({ paths, decisions, locked: isLocked, isCopy: purpose === "copy" }),
    [decisions, isLocked, paths, purpose],
  );
  const draft: Draft = useMemo(
    () => ({ form, layout, visible, selection, stored }),
    [form, layout, selection, stored, visible],
  );
  const required = useMemo(() => requiredPaths(draft, draftDocuments(draft)), [draft]);
  const problems = useMemo(() => validate(draft), [draft]);
  const nameProblem = purpose === "edit" ? undefined : checkName(name);

  // What was to be kept cannot be for another destination: it is open again, with lines for its keys.
  useEffect(() => {
    if (!isLocked) return;
    setDecisions((before) => Object.fromEntries(Object.entries(before).filter(([, one]) => one !== "keep")));
    setValues((before) => {
      const lines = Object.entries(storedKeys(layout.fields, paths));
      return { ...before, ...Object.fromEntries(lines.filter(([path]) => before[path] === undefined || isEmpty(before[path]))) };
    });
  }, [isLocked, layout, paths]);

  const touch = (path: string) => setTouched((before) => (before.has(path) ? before : new Set(before).add(path)));
  const forget = (path: string) =>
    setAnswered((before) => {
      if (before === undefined || !before.fields.has(path)) return before;
      return { ...before, fields: new Map([...before.fields].filter(([one]) => one !== path)) };
    });
  const change = (path: string, value: FieldValue) => {
    setDirty(true);
    setValues((before) => ({ ...before, [path]: value }));
    forget(path);
  };

  return {
    draft,
    layout,
    visible,
    stored,
    moved,
    required,
    problems,
    name,
    nameProblem,
    isPrivate,
    isDirty,
    values,
    /** The members that the form no longer shows although something is stored for them. */
    dropped: paths.filter(
      (path) => !visible.some((field) => field.side === "credentials" && within(path, field.member.path)),
    ),
    changeName: (text: string) => {
      setDirty(true);
      setName(text);
      carried.name = text;
      forget(NAME);
    },
    changeMode: (next: boolean) => {
      setDirty(true);
      setPrivate(next);
      carried.isPrivate = next;
    },
    change,
    forget,
    touch,
    choose: (key: string) => {
      setDirty(true);
      setAlternative(key);
      const path = layout.choice?.path;
      if (path !== undefined) setValues((before) => ({ ...before, [path]: key }));
    },
    decide: (path: string, decision: Decision) => {
      setDirty(true);
      setDecisions((before) => ({ ...before, [path]: decision }));
    },
    keepAll: () => {
      setDirty(true);
      const kept = keepAll(visible, values, stored);
      setDecisions(kept.decisions);
      setValues(kept.values);
    },
    /** Shows every problem from now on. */
    markSubmitted: () => setSubmitted(true),
    setAnswered,
    /** What to show at a field: the server's words until it changes, then the page's own. */
    problemAt: (path: string): string | undefined => {
      const said = answered?.fields.get(path);
      if (said !== undefined) return said;
      if (path === NAME) return isSubmitted || touched.has(NAME) || name !== "" ? nameProblem : undefined;
      return isSubmitted || touched.has(path) ? problems.fields.get(path) : undefined;
    },
    whole: isSubmitted ? problems.whole : NOTHING,
    answered,
  };
}

export type ConnectionFormState = ReturnType<typeof useConnectionForm>;

function isEmpty(value: FieldValue | undefined): boolean {
  return Array.isArray(value) && value.length === 0;
}
