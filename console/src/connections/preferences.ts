// How a person likes the table; kept in this browser.

/** The preferences of the connections table. */
export interface TablePreferences {
  readonly pageSize: number;
  readonly wrapLines: boolean;
  readonly contentDisplay: readonly { readonly id: string; readonly visible: boolean }[];
}

/** The columns in their usual order. */
export const COLUMNS = ["name", "connector", "mode", "lastUpdated", "health", "usedBy"] as const;

export const PAGE_SIZES: readonly number[] = [10, 20, 50, 100];

export const defaultPreferences: TablePreferences = {
  pageSize: 20,
  wrapLines: false,
  contentDisplay: COLUMNS.map((id) => ({ id, visible: true })),
};

const KEY = "tidegate.connections.table";

/** Where preferences are kept; the browser's localStorage fits. */
export type Storage = Pick<globalThis.Storage, "getItem" | "setItem">;

/** Reads the preferences; what is broken or unknown falls back to what is usual. */
export function readPreferences(storage: Storage = localStorage): TablePreferences {
  let kept: unknown;
  try {
    kept = JSON.parse(storage.getItem(KEY) ?? "null");
  } catch {
    return defaultPreferences;
  }
  if (typeof kept !== "object" || kept === null) return defaultPreferences;
  const { pageSize, wrapLines, contentDisplay } = kept as Record<string, unknown>;
  return {
    pageSize: PAGE_SIZES.find((size) => size === pageSize) ?? defaultPreferences.pageSize,
    wrapLines: wrapLines === true,
    contentDisplay: displayOf(contentDisplay),
  };
}

function displayOf(kept: unknown): TablePreferences["contentDisplay"] {
  if (!Array.isArray(kept)) return defaultPreferences.contentDisplay;
  const known = (kept as unknown[]).flatMap((item) => {
    const { id, visible } = (item ?? {}) as { id?: unknown; visible?: unknown };
    const column = COLUMNS.find((one) => one === id);
    // The name stays: without it no row could be told from another.
    return column === undefined ? [] : [{ id: column, visible: column === "name" || visible !== false }];
  });
  const added = COLUMNS.filter((id) => !known.some((one) => one.id === id)).map((id) => ({ id, visible: true }));
  return [...known, ...added];
}

/** Keeps the preferences; a browser that stores nothing is no reason to fail. */
export function writePreferences(preferences: TablePreferences, storage: Storage = localStorage): void {
  try {
    storage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Nothing is lost but the habit.
  }
}
