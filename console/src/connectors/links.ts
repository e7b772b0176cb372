// Addresses that the connectors pages lead to.
import { href, withQuery } from "../router";

/** The page of one connector. */
export function connectorHref(type: string, label?: string | undefined): string {
  return withQuery(href("connectors", type), { label });
}

/** The page that makes a connection of a connector. */
export function createConnectionHref(type: string, label?: string | undefined): string {
  return withQuery(href("connections", "create"), { connector: type, label });
}

/** The connections of a connector. */
export function connectionsHref(type: string, label?: string | undefined): string {
  return withQuery(href("connections"), { connector: type, label });
}
