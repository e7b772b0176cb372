// Values of properties as a page shows them.
import type { ReactNode } from "react";
import { entriesOf, type Field, type FieldValue, listOf } from "../form/values";
import { common } from "../strings/common";

/** A property's value; a dash for none. */
export function shownValue(field: Field, value: FieldValue | undefined): ReactNode {
  if (value === undefined || value === "") return common.none;
  switch (field.member.kind) {
    case "boolean":
      return value === true ? common.yes : common.no;
    case "list": {
      const items = listOf(value);
      return items.length === 0 ? common.none : items.map((item) => <div key={item}>{item}</div>);
    }
    case "map": {
      const entries = entriesOf(value);
      return entries.length === 0
        ? common.none
        : entries.map((entry) => <div key={entry.key}>{`${entry.key}: ${entry.value}`}</div>);
    }
    default:
      return String(value);
  }
}
