// A flow's tasks as people read them: which field becomes which, what is changed, checked and
// filtered. The API has one flat list of tasks; here they are put together by field.
import type { Task } from "@aws-sdk/client-appflow";
import { flow as strings } from "../strings/flows";
import { operators, wordFor } from "../strings/operators";

/** One row of the field mapping. */
export interface FieldRow {
  id: string;
  /** Empty stands for every field. */
  sources: string[];
  /** Undefined stands for the same name, null for a field that no task maps. */
  destination: string | null | undefined;
  changes: string[];
  sourceType?: string;
  destinationType?: string;
}

export interface ValidationRow {
  id: string;
  field: string;
  condition: string;
  action: string;
}

export interface FilterRow {
  id: string;
  field: string;
  operator: string;
  /** One literal, several of which any may fit, or the two bounds. */
  values: string[];
  /** Whether the values are alternatives. */
  alternatives: boolean;
  dataType?: string;
}

export interface Tasks {
  fields: FieldRow[];
  validations: ValidationRow[];
  filters: FilterRow[];
  /** The fields that the flow reads, where it says so. */
  projection: string[];
  partitionKeys: string[];
}

/** Puts the tasks of a flow together. */
export function readTasks(tasks: readonly Task[]): Tasks {
  const result: Tasks = { fields: [], validations: [], filters: [], projection: [], partitionKeys: [] };
  /** Results of formulas, by the name that a later mapping calls them. */
  const formulas = new Map<string, FieldRow>();
  const used = new Set<FieldRow>();
  const changes = new Map<string, string[]>();
  const mappings: Task[] = [];

  tasks.forEach((task, index) => {
    const id = String(index);
    const properties = task.taskProperties ?? {};
    const sources = task.sourceFields ?? [];
    const operator = operatorOf(task);
    switch (task.taskType) {
      case "Filter":
        if (operator === "PROJECTION") result.projection.push(...sources);
        else result.filters.push(filter(id, task, operator));
        break;
      case "Map":
      case "Map_all":
      case "Passthrough":
        mappings.push(task);
        break;
      case "Merge":
      case "Arithmetic": {
        const order = task.taskType === "Arithmetic" ? properties.MATH_OPERATION_FIELDS_ORDER : undefined;
        const named = order === undefined ? sources : listOf(order);
        const formula: FieldRow = {
          id,
          sources: named,
          destination: task.destinationField || null,
          changes: [
            task.taskType === "Merge"
              ? strings.concatenate(properties.CONCAT_FORMAT)
              : strings.calculate(named.join(` ${strings.signs[operator] ?? operator} `)),
          ],
        };
        formulas.set(sources.join(","), formula);
        if (task.destinationField) formulas.set(task.destinationField, formula);
        break;
      }
      case "Mask":
      case "Truncate":
        for (const field of sources) append(changes, field, change(task, operator));
        break;
      case "Validate":
        for (const field of sources) {
          result.validations.push({
            id: `${id}.${field}`,
            field,
            condition: wordFor(operators, operator),
            action: properties.VALIDATION_ACTION === "DropDataset" ? strings.dropDataset : strings.dropRecord,
          });
        }
        break;
      case "Partition": {
        const keys = properties.ORDERED_PARTITION_KEYS_LIST;
        result.partitionKeys.push(...(keys === undefined ? sources : listOf(keys)));
        break;
      }
      default:
        // A kind that this page does not know is shown rather than hidden.
        result.fields.push({
          id,
          sources: [...sources],
          destination: task.destinationField || null,
          changes: [[task.taskType, operator].filter(Boolean).join(" ")],
        });
    }
  });

  mappings.forEach((task, index) => {
    const row = mapping(`m${index}`, task, formulas, used);
    for (const field of new Set([...row.sources, ...(task.sourceFields ?? [])])) {
      row.changes.push(...(changes.get(field) ?? []));
    }
    result.fields.push(row);
  });

  // What no mapping took up: formulas that stand alone, and changes of fields that Map_all maps.
  for (const formula of new Set(formulas.values())) if (!used.has(formula)) result.fields.push(formula);
  const allMapped = mappings.some((task) => task.taskType === "Map_all");
  const shown = new Set(result.fields.flatMap((row) => row.sources));
  for (const task of mappings) for (const field of task.sourceFields ?? []) shown.add(field);
  for (const [field, texts] of changes) {
    if (shown.has(field)) continue;
    result.fields.push({
      id: `c${field}`,
      sources: [field],
      destination: allMapped ? undefined : null,
      changes: texts,
    });
  }
  return result;
}

/** The operator behind the one key of the union; empty when there is none. */
export function operatorOf(task: Task): string {
  const found = Object.values(task.connectorOperator ?? {}).find((value) => typeof value === "string");
  return typeof found === "string" ? found : "";
}

function mapping(id: string, task: Task, formulas: Map<string, FieldRow>, used: Set<FieldRow>): FieldRow {
  const properties = task.taskProperties ?? {};
  const sources = task.sourceFields ?? [];
  if (task.taskType === "Passthrough") {
    return { id, sources: [...sources], destination: undefined, changes: [strings.passthrough] };
  }
  if (task.taskType === "Map_all") {
    const excluded = listOf(properties.EXCLUDE_SOURCE_FIELDS_LIST ?? "");
    const changes: string[] = [];
    if (excluded.length > 0) changes.push(strings.excluded(excluded.join(", ")));
    if (properties.INCLUDE_NEW_FIELDS === "true") changes.push(strings.newFields);
    return { id, sources: [], destination: undefined, changes };
  }
  const row: FieldRow = { id, sources: [...sources], destination: task.destinationField || undefined, changes: [] };
  const first = sources[0];
  const formula = first === undefined ? undefined : formulas.get(first);
  if (formula !== undefined) {
    row.sources = [...formula.sources];
    row.changes.push(...formula.changes);
    used.add(formula);
  }
  if (properties.SOURCE_DATA_TYPE !== undefined) row.sourceType = properties.SOURCE_DATA_TYPE;
  if (properties.DESTINATION_DATA_TYPE !== undefined) row.destinationType = properties.DESTINATION_DATA_TYPE;
  return row;
}

function change(task: Task, operator: string): string {
  const properties = task.taskProperties ?? {};
  if (task.taskType === "Truncate") return strings.truncate(properties.TRUNCATE_LENGTH ?? "0");
  const character = properties.MASK_VALUE ?? "*";
  const length = properties.MASK_LENGTH ?? "0";
  switch (operator) {
    case "MASK_ALL":
      return strings.maskAll(character);
    case "MASK_FIRST_N":
      return strings.maskFirst(length, character);
    case "MASK_LAST_N":
      return strings.maskLast(length, character);
    default:
      return wordFor(operators, operator);
  }
}

function filter(id: string, task: Task, operator: string): FilterRow {
  const properties = task.taskProperties ?? {};
  const type = properties.DATA_TYPE ?? properties.SOURCE_DATA_TYPE;
  const several = properties.VALUES !== undefined;
  const values =
    operator === "BETWEEN"
      ? [properties.LOWER_BOUND ?? "", properties.UPPER_BOUND ?? ""]
      : several
        ? (properties.VALUES ?? "").split(",")
        : [properties.VALUE ?? ""];
  const row: FilterRow = {
    id,
    field: (task.sourceFields ?? []).join(", "),
    operator: wordFor(operators, operator),
    values: values.map((value) => readable(value, type)),
    alternatives: several && values.length > 1,
  };
  if (type !== undefined) row.dataType = type;
  return row;
}

/** Times in filters are milliseconds since 1970, which nobody reads; both are shown. */
function readable(value: string, type: string | undefined): string {
  if (type === undefined || !/date|time/i.test(type) || !/^-?\d{9,15}$/.test(value)) return value;
  const time = new Date(Number(value));
  return Number.isNaN(time.getTime()) ? value : `${time.toISOString()} (${value})`;
}

/** A list that is written as JSON, or with commas. */
function listOf(text: string): string[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  try {
    const parsed: unknown = JSON.parse(trimmed);
    if (Array.isArray(parsed)) return parsed.map(String).filter((name) => name !== "");
  } catch {
    // Not JSON: names with commas between them.
  }
  return trimmed.split(",").map((name) => name.trim()).filter((name) => name !== "");
}

function append(map: Map<string, string[]>, key: string, text: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [text]);
  else list.push(text);
}
