// The columns of the connections table.
import "./connections.css";
import Link from "@cloudscape-design/components/link";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ConnectionSort, ConnectionSummary } from "../api/extensions";
import { formatMinute } from "../format";
import { href } from "../router";
import { connections as strings } from "../strings/connections";
import { type ConnectorChoice, nameOfConnector } from "./connectors";
import { HealthStatus } from "./HealthStatus";

/** What the server sorts by for a column. */
export type Column = TableProps.ColumnDefinition<ConnectionSummary> & { readonly sortingField: ConnectionSort };

/** The page that shows a connection. */
export function viewHref(name: string): string {
  return href("connections", "view", name);
}

/** Together as wide as a window of 1280 pixels leaves beside the open navigation. */
export function columnsFor(
  connectors: readonly ConnectorChoice[],
  testing: ReadonlySet<string>,
): readonly Column[] {
  return [
    {
      id: "name",
      header: strings.columns.name,
      sortingField: "name",
      isRowHeader: true,
      minWidth: 150,
      width: 190,
      cell: ({ connectorProfileName: name }) => (
        <span className="connections-name" title={name}>
          <Link href={viewHref(name)}>{name}</Link>
        </span>
      ),
    },
    {
      id: "connector",
      header: strings.columns.connector,
      sortingField: "connectorType",
      minWidth: 110,
      width: 133,
      cell: (item) => nameOfConnector(connectors, item.connectorType, item.connectorLabel),
    },
    {
      id: "mode",
      header: strings.columns.mode,
      sortingField: "connectionMode",
      minWidth: 90,
      width: 98,
      cell: (item) => strings.modes[item.connectionMode] ?? item.connectionMode,
    },
    {
      id: "lastUpdated",
      header: strings.columns.lastUpdated,
      sortingField: "lastUpdatedAt",
      minWidth: 140,
      width: 172,
      cell: (item) => formatMinute(item.lastUpdatedAt),
    },
    {
      id: "health",
      header: strings.columns.health,
      sortingField: "health",
      minWidth: 120,
      width: 167,
      cell: (item) => <HealthStatus health={item.health} testing={testing.has(item.connectorProfileName)} />,
    },
    {
      id: "usedBy",
      header: strings.columns.usedBy,
      sortingField: "usedBy",
      minWidth: 100,
      width: 115,
      cell: (item) =>
        item.usedBy === 0 ? (
          strings.usedByNone
        ) : (
          <Link
            href={`${viewHref(item.connectorProfileName)}?show=usage`}
            ariaLabel={`${item.connectorProfileName}: ${strings.usedBy(item.usedBy)}`}
          >
            {strings.usedBy(item.usedBy)}
          </Link>
        ),
    },
  ];
}
