// What the list shows is told by its address, so that links and the back button work.
import type { ConnectionSort, ListConnectionsInput } from "../api/extensions";
import { href, withQuery } from "../router";

/** What the list shows. */
export interface ListState {
  readonly connectorType: string | undefined;
  readonly connectorLabel: string | undefined;
  readonly nameContains: string;
  readonly health: string | undefined;
  readonly sortBy: ConnectionSort;
  readonly descending: boolean;
  /** The first page is 1. */
  readonly page: number;
}

/** The members by which the server sorts. */
export const SORTS: readonly ConnectionSort[] = [
  "name",
  "connectorType",
  "connectionMode",
  "lastUpdatedAt",
  "health",
  "usedBy",
];

/** The results of a test, and the filter's word for a connection without one. */
export const HEALTHS = ["Proved", "Refused", "Unreachable", "CannotBeTested", "NotChecked"] as const;

/** Reads the query of an address; what makes no sense counts as not said. */
export function parseList(query: URLSearchParams): ListState {
  const sort = query.get("sort");
  const health = query.get("health");
  const page = Number(query.get("page") ?? "1");
  return {
    connectorType: query.get("connector") || undefined,
    connectorLabel: query.get("label") || undefined,
    nameContains: query.get("q") ?? "",
    health: HEALTHS.find((one) => one === health),
    sortBy: SORTS.find((one) => one === sort) ?? "name",
    descending: query.get("order") === "descending",
    page: Number.isInteger(page) && page > 0 ? page : 1,
  };
}

/** The address of a list; what is as always is left out. */
export function listHref(state: Partial<ListState>): string {
  return withQuery(href("connections"), {
    connector: state.connectorType,
    label: state.connectorLabel,
    q: state.nameContains,
    health: state.health,
    sort: state.sortBy === "name" ? undefined : state.sortBy,
    order: state.descending === true ? "descending" : undefined,
    page: state.page === undefined || state.page === 1 ? undefined : String(state.page),
  });
}

/** The server's input for one page of a list. */
export function listInput(state: ListState, pageSize: number): ListConnectionsInput {
  return {
    ...(state.connectorType === undefined ? {} : { connectorType: state.connectorType }),
    ...(state.connectorLabel === undefined ? {} : { connectorLabel: state.connectorLabel }),
    ...(state.nameContains === "" ? {} : { nameContains: state.nameContains }),
    ...(state.health === undefined ? {} : { health: [state.health] }),
    sortBy: state.sortBy,
    descending: state.descending,
    maxResults: pageSize,
    startIndex: (state.page - 1) * pageSize,
  };
}

/** The address of the form for a new connection, with the connector chosen in the list. */
export function createHref(connectorType?: string, connectorLabel?: string): string {
  return withQuery(href("connections", "create"), { connector: connectorType, label: connectorLabel });
}

/** The number of pages; an empty list has one. */
export function pageCount(total: number, pageSize: number): number {
  return Math.max(1, Math.ceil(total / pageSize));
}
