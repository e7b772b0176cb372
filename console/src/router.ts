// Hash routes: `#/connections/view/NAME?tab=x`. The part after `#` never reaches the server, so a
// deep link works under every prefix.
import { useSyncExternalStore } from "react";

/** Where the page is: decoded path segments and the query behind them. */
export interface Route {
  segments: string[];
  query: URLSearchParams;
}

/** The address of a page, each segment encoded: `href("connections", "view", name)`. */
export function href(...segments: string[]): string {
  return `#/${segments.map(encodeURIComponent).join("/")}`;
}

/** Adds a query to an address; members that are undefined or empty are left out. */
export function withQuery(hash: string, query: Record<string, string | undefined>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") parameters.set(name, value);
  }
  const text = parameters.toString();
  return text === "" ? hash : `${hash}?${text}`;
}

/** Reads an address; a segment that is not well encoded is taken as it stands. */
export function parseHash(hash: string): Route {
  const bare = hash.replace(/^#/, "");
  const mark = bare.indexOf("?");
  const path = mark < 0 ? bare : bare.slice(0, mark);
  const segments = path.split("/").filter((part) => part !== "").map(decode);
  return { segments, query: new URLSearchParams(mark < 0 ? "" : bare.slice(mark + 1)) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Goes to another page. `replace` leaves no entry in the history. */
export function navigate(hash: string, options: { replace?: boolean } = {}): void {
  if (options.replace) {
    history.replaceState(null, "", hash);
    // replaceState tells nobody; the listeners of useRoute must hear of it.
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    window.location.hash = hash;
  }
}

let lastHash: string | undefined;
let lastRoute: Route = { segments: [], query: new URLSearchParams() };

let hold: ((hash: string) => boolean) | undefined;

/**
 * Keeps the present route on the page for as long as `holds` says so of the address: a page with
 * unsaved input asks first. It puts the old address back itself. Gives what ends that.
 */
export function holdRoute(holds: (hash: string) => boolean): () => void {
  hold = holds;
  return () => {
    if (hold === holds) hold = undefined;
  };
}

/** The present route; the same object until the address changes. */
export function currentRoute(): Route {
  const hash = window.location.hash;
  if (hash !== lastHash && hold?.(hash) !== true) {
    lastHash = hash;
    lastRoute = parseHash(hash);
  }
  return lastRoute;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

/** The present route; draws the component again when it changes. */
export function useRoute(): Route {
  return useSyncExternalStore(subscribe, currentRoute);
}
