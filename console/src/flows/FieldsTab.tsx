// Which field becomes which, and what is changed and checked on the way.
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { Lines } from "../connectors/Lines";
import { common } from "../strings/common";
import { flow as strings } from "../strings/flows";
import { EmptyTab } from "./EmptyTab";
import type { FieldRow, Tasks, ValidationRow } from "./tasks";

export function FieldsTab({ tasks }: { tasks: Tasks }) {
  const typed = tasks.fields.some((row) => row.sourceType !== undefined || row.destinationType !== undefined);
  return (
    <SpaceBetween size="l">
      <Table<FieldRow>
        variant="container"
        wrapLines
        enableKeyboardNavigation
        items={tasks.fields}
        trackBy="id"
        columnDefinitions={typed ? FIELD_COLUMNS : FIELD_COLUMNS.filter((column) => column.id !== "types")}
        header={
          <Header variant="h2" counter={`(${tasks.fields.length})`} description={strings.fieldsDescription}>
            {strings.fieldsTitle}
          </Header>
        }
        empty={<EmptyTab title={strings.noFields} text={strings.noFieldsText} />}
        footer={
          tasks.projection.length === 0 ? undefined : (
            <ExpandableSection headerText={`${strings.selected} (${tasks.projection.length})`}>
              {tasks.projection.join(", ")}
            </ExpandableSection>
          )
        }
      />
      {tasks.validations.length === 0 ? null : (
        <Table<ValidationRow>
          variant="container"
          wrapLines
          enableKeyboardNavigation
          items={tasks.validations}
          trackBy="id"
          columnDefinitions={VALIDATION_COLUMNS}
          header={
            <Header
              variant="h2"
              counter={`(${tasks.validations.length})`}
              description={strings.validationsDescription}
            >
              {strings.validationsTitle}
            </Header>
          }
        />
      )}
    </SpaceBetween>
  );
}

const FIELD_COLUMNS = [
  {
    id: "source",
    header: strings.sourceField,
    isRowHeader: true,
    cell: (row: FieldRow) => (row.sources.length === 0 ? <em>{strings.allFields}</em> : <Lines items={row.sources} />),
  },
  {
    id: "changes",
    header: strings.changes,
    cell: (row: FieldRow) =>
      row.changes.length === 0 ? (
        <Box color="text-body-secondary">{strings.unchanged}</Box>
      ) : (
        <Lines items={row.changes} />
      ),
  },
  {
    id: "destination",
    header: strings.destinationField,
    cell: (row: FieldRow) =>
      row.destination === null ? (
        <Box color="text-body-secondary">{strings.notMapped}</Box>
      ) : (
        (row.destination ?? <em>{strings.sameName}</em>)
      ),
  },
  {
    id: "types",
    header: strings.types,
    cell: (row: FieldRow) => [row.sourceType, row.destinationType].filter(Boolean).join(" → ") || common.none,
  },
];

const VALIDATION_COLUMNS = [
  { id: "field", header: strings.field, isRowHeader: true, cell: (row: ValidationRow) => row.field },
  { id: "condition", header: strings.condition, cell: (row: ValidationRow) => row.condition },
  { id: "action", header: strings.action, cell: (row: ValidationRow) => row.action },
];
