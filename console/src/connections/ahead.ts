// The first list is asked for before the page is drawn for the first time.
import { type ConnectionPage, listConnections } from "../api/extensions";
import { currentRoute } from "../router";
import { readPreferences } from "./preferences";
import { listInput, parseList } from "./query";

/**
 * So long an answer may wait for its page. The first page need not be the list: a person may come
 * back to another one from the identity provider, and find the list much later.
 */
const FRESH_MS = 2000;

let ahead: { readonly key: string; readonly asked: number; readonly data: ConnectionPage } | undefined;

/** Asks for the list that the address shows, if it shows one. Comes to nothing when `signal` is first. */
export async function askAhead(signal: AbortSignal): Promise<void> {
  const { segments, query } = currentRoute();
  if (segments.length > 1 || signal.aborted) return;
  const input = listInput(parseList(query), readPreferences().pageSize);
  const asked = performance.now();
  // Trouble is told by the page, which asks again.
  const data = await listConnections(input, signal);
  // By now the page asks for itself: what was changed since then would be missing here.
  if (!signal.aborted) ahead = { key: JSON.stringify(input), asked, data };
}

/** The answer, once: whoever loads again wants a new one. */
export function takeAhead(key: string): ConnectionPage | undefined {
  const taken = ahead;
  ahead = undefined;
  return taken?.key === key && performance.now() - taken.asked < FRESH_MS ? taken.data : undefined;
}
