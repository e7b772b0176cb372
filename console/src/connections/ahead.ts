// The first list is asked for before the page is drawn for the first time.
import { listConnections } from "../api/extensions";
import { currentRoute } from "../router";
import { readPreferences } from "./preferences";
import { listInput, parseList } from "./query";

type Listed = Awaited<ReturnType<typeof listConnections>>;

let ahead: { readonly key: string; readonly data: Listed } | undefined;

/** Asks for the list that the address shows, if it shows one. */
export async function askAhead(): Promise<void> {
  const { segments, query } = currentRoute();
  if (segments.length > 1) return;
  const input = listInput(parseList(query), readPreferences().pageSize);
  // Trouble is told by the page, which asks again.
  ahead = { key: JSON.stringify(input), data: await listConnections(input) };
}

/** The answer, once: whoever loads again wants a new one. */
export function takeAhead(key: string): Listed | undefined {
  const data = ahead?.key === key ? ahead.data : undefined;
  ahead = undefined;
  return data;
}
