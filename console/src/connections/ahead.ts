// The first list is asked for while the page is still being drawn for the first time.
import { listConnections } from "../api/extensions";
import { currentRoute } from "../router";
import { readPreferences } from "./preferences";
import { listInput, parseList } from "./query";

type Answer = ReturnType<typeof listConnections>;

let ahead: { readonly key: string; readonly answer: Answer } | undefined;

/** Asks for the list that the address shows, if it shows one. */
export function askAhead(): void {
  const { segments, query } = currentRoute();
  if (segments.length > 1) return;
  const input = listInput(parseList(query), readPreferences().pageSize);
  const answer = listConnections(input);
  // Trouble is told when the page takes the answer.
  answer.catch(() => undefined);
  ahead = { key: JSON.stringify(input), answer };
}

/** The answer that was asked for ahead, once: whoever loads again wants a new one. */
export function takeAhead(key: string): Answer | undefined {
  const taken = ahead?.key === key ? ahead.answer : undefined;
  ahead = undefined;
  return taken;
}
