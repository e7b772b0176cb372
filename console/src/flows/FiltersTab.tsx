// Which records a flow moves.
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import { common } from "../strings/common";
import { flow as strings } from "../strings/flows";
import { EmptyTab } from "./EmptyTab";
import type { FilterRow } from "./tasks";

export function FiltersTab({ filters }: { filters: FilterRow[] }) {
  return (
    <Table<FilterRow>
      variant="container"
      wrapLines
      enableKeyboardNavigation
      items={filters}
      trackBy="id"
      columnDefinitions={COLUMNS}
      header={
        <Header variant="h2" counter={`(${filters.length})`} description={strings.filtersDescription}>
          {strings.filtersTitle}
        </Header>
      }
      empty={<EmptyTab title={strings.noFilters} text={strings.noFiltersText} />}
    />
  );
}

const COLUMNS = [
  { id: "field", header: strings.field, isRowHeader: true, cell: (row: FilterRow) => row.field },
  {
    id: "operator",
    header: strings.operator,
    cell: (row: FilterRow) => (row.alternatives ? `${row.operator} ${strings.anyOf}` : row.operator),
  },
  { id: "value", header: strings.value, cell: (row: FilterRow) => <Values row={row} /> },
  { id: "type", header: strings.dataType, cell: (row: FilterRow) => row.dataType ?? common.none },
];

function Values({ row }: { row: FilterRow }) {
  // Values may repeat, so their place is their key.
  return row.values.map((value, index) => <div key={index}>{value === "" ? common.none : value}</div>);
}
