// How a person wants the table of flows; remembered by the browser.
import type { CollectionPreferencesProps } from "@cloudscape-design/components/collection-preferences";

export const COLUMN_IDS = [
  "name",
  "status",
  "source",
  "destination",
  "trigger",
  "lastRun",
  "lastRunTime",
  "lastRunMessage",
  "description",
  "created",
  "updated",
] as const;
export type ColumnId = (typeof COLUMN_IDS)[number];

export const PAGE_SIZES = [10, 20, 50, 100] as const;

export interface FlowPreferences {
  pageSize: number;
  wrapLines: boolean;
  contentDensity: "comfortable" | "compact";
  contentDisplay: { id: string; visible: boolean }[];
}

const HIDDEN: ReadonlySet<string> = new Set<ColumnId>(["lastRunMessage", "description", "created", "updated"]);

export const DEFAULTS: FlowPreferences = {
  pageSize: 20,
  wrapLines: false,
  contentDensity: "comfortable",
  contentDisplay: COLUMN_IDS.map((id) => ({ id, visible: !HIDDEN.has(id) })),
};

const ENTRY = "tidegate.flows.preferences";

/** Reads what was stored; anything that does not fit falls back to what the page begins with. */
export function parsePreferences(text: string | null): FlowPreferences {
  let stored: Partial<Record<keyof FlowPreferences, unknown>>;
  try {
    const parsed: unknown = JSON.parse(text ?? "null");
    stored = typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    stored = {};
  }
  return clean(stored);
}

/** Keeps what fits; columns that are new since then stand at the end, as the page begins with them. */
export function clean(given: Partial<Record<keyof FlowPreferences, unknown>>): FlowPreferences {
  const { pageSize, wrapLines, contentDensity, contentDisplay } = given;
  const display: { id: string; visible: boolean }[] = [];
  for (const column of Array.isArray(contentDisplay) ? (contentDisplay as unknown[]) : []) {
    if (typeof column !== "object" || column === null) continue;
    const { id, visible } = column as { id?: unknown; visible?: unknown };
    const known = COLUMN_IDS.find((one) => one === id);
    if (known === undefined || display.some((one) => one.id === known)) continue;
    display.push({ id: known, visible: visible === true || known === "name" });
  }
  for (const column of DEFAULTS.contentDisplay) {
    if (!display.some((one) => one.id === column.id)) display.push(column);
  }
  return {
    pageSize: PAGE_SIZES.find((size) => size === pageSize) ?? DEFAULTS.pageSize,
    wrapLines: wrapLines === true,
    contentDensity: contentDensity === "compact" ? "compact" : "comfortable",
    contentDisplay: display,
  };
}

export function loadPreferences(): FlowPreferences {
  try {
    return parsePreferences(localStorage.getItem(ENTRY));
  } catch {
    return DEFAULTS;
  }
}

/** Stores them where the browser lets a page store anything. */
export function storePreferences(detail: CollectionPreferencesProps.Preferences): FlowPreferences {
  const preferences = clean(detail);
  try {
    localStorage.setItem(ENTRY, JSON.stringify(preferences));
  } catch {
    // They hold for this visit.
  }
  return preferences;
}
