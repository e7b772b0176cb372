// Addresses that the flows pages lead to.
import { href, withQuery } from "../router";

export const TABS = ["fields", "filters", "output", "tags", "history"] as const;
export type Tab = (typeof TABS)[number];

/** The page of a flow, at one of its tabs. */
export function flowHref(name: string, tab?: Tab): string {
  return withQuery(href("flows", "view", name), { tab });
}

/** The tab that an address names; the first one for anything else. */
export function tabOf(text: string | undefined): Tab {
  return TABS.find((tab) => tab === text) ?? "fields";
}
