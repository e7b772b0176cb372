// Fields one below the other, and those that are rarely needed behind a fold.
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { storedOf } from "../form/keep";
import type { ConnectorForm } from "../form/types";
import type { Field } from "../form/values";
import { FieldView } from "./FieldView";
import type { ConnectionFormState } from "./useConnectionForm";

interface FieldListProps {
  readonly form: ConnectorForm;
  readonly fields: readonly Field[];
  readonly state: ConnectionFormState;
}

export function FieldList({ form, fields, state }: FieldListProps) {
  return (
    <SpaceBetween size="l">
      {fields.map((field) => (
        <FieldView
          key={field.path}
          form={form}
          field={field}
          value={state.values[field.path]}
          isRequired={state.required.has(field.path)}
          error={state.problemAt(field.path)}
          stored={state.stored}
          onChange={state.change}
          onBlur={state.touch}
          onDecide={state.decide}
        />
      ))}
    </SpaceBetween>
  );
}

interface FoldedFieldsProps extends FieldListProps {
  readonly header: string;
  readonly description?: string;
}

export function FoldedFields({ header, description, ...list }: FoldedFieldsProps) {
  const { fields, state } = list;
  // What is filled in, or stored, is shown from the start; what is wrong is always shown.
  const [isOpen, setOpen] = useState(() =>
    fields.some(
      (field) => state.values[field.path] !== undefined || storedOf(field, state.stored).length > 0,
    ),
  );
  const hasProblem = fields.some((field) => state.problemAt(field.path) !== undefined);
  if (fields.length === 0) return null;
  return (
    <ExpandableSection
      headerText={header}
      {...(description === undefined ? {} : { headerDescription: description })}
      expanded={isOpen || hasProblem}
      onChange={({ detail }) => setOpen(detail.expanded)}
    >
      <FieldList {...list} />
    </ExpandableSection>
  );
}
