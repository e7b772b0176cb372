import type { Task } from "@aws-sdk/client-appflow";
import { describe, expect, test } from "vitest";
import { operatorOf, readTasks } from "./tasks";

const task = (
  taskType: string,
  sourceFields: string[],
  operator: string,
  taskProperties: Record<string, string> = {},
  destinationField?: string,
): Task =>
  ({ taskType, sourceFields, connectorOperator: { SAPOData: operator }, taskProperties, destinationField }) as Task;

describe("tasks", () => {
  test("are put together by field, in the order of the mappings", () => {
    const read = readTasks([
      task("Filter", ["tail", "delay"], "PROJECTION", {}, ""),
      task("Filter", ["delay"], "GREATER_THAN_OR_EQUAL_TO", { DATA_TYPE: "Edm.Int16", VALUE: "15" }),
      task("Mask", ["tail"], "MASK_LAST_N", { MASK_LENGTH: "3", MASK_VALUE: "#" }),
      task("Truncate", ["tail"], "NO_OP", { TRUNCATE_LENGTH: "8" }),
      task("Validate", ["delay"], "VALIDATE_NON_NULL", { VALIDATION_ACTION: "DropDataset" }),
      task("Map", ["tail"], "NO_OP", { SOURCE_DATA_TYPE: "string", DESTINATION_DATA_TYPE: "text" }, "aircraft"),
      task("Map", ["delay"], "NO_OP", {}, "late_by"),
    ]);
    expect(read.projection).toEqual(["tail", "delay"]);
    expect(read.fields).toEqual([
      {
        id: "m0",
        sources: ["tail"],
        destination: "aircraft",
        changes: ["Mask the last 3 characters with #", "Keep the first 8 characters"],
        sourceType: "string",
        destinationType: "text",
      },
      { id: "m1", sources: ["delay"], destination: "late_by", changes: [] },
    ]);
    expect(read.validations).toEqual([
      { id: "4.delay", field: "delay", condition: "Not null", action: "End the run" },
    ]);
    expect(read.filters).toEqual([
      {
        id: "1",
        field: "delay",
        operator: "Greater than or equal to",
        values: ["15"],
        alternatives: false,
        dataType: "Edm.Int16",
      },
    ]);
  });

  test("a formula and the mapping of its result are one row", () => {
    const read = readTasks([
      task("Arithmetic", ["a", "b"], "SUBTRACTION", { MATH_OPERATION_FIELDS_ORDER: "b,a" }, "a,b"),
      task("Map", ["a,b"], "NO_OP", {}, "rest"),
      task("Merge", ["first", "last"], "NO_OP", { CONCAT_FORMAT: "${first} ${last}" }),
      task("Map", ["first,last"], "NO_OP", {}, "name"),
      task("Mask", ["first"], "MASK_ALL", { MASK_VALUE: "x" }),
    ]);
    expect(read.fields.map(({ sources, destination, changes }) => ({ sources, destination, changes }))).toEqual([
      { sources: ["b", "a"], destination: "rest", changes: ["Calculate b − a"] },
      {
        sources: ["first", "last"],
        destination: "name",
        changes: ["Concatenate as ${first} ${last}", "Mask the whole value with x"],
      },
    ]);
  });

  test("Map_all leaves fields out, and changed fields get rows of their own", () => {
    const read = readTasks([
      task("Map_all", [], "NO_OP", { EXCLUDE_SOURCE_FIELDS_LIST: '["secret",""]', INCLUDE_NEW_FIELDS: "true" }),
      task("Mask", ["phone"], "MASK_FIRST_N", { MASK_LENGTH: "4" }),
    ]);
    expect(read.fields).toEqual([
      {
        id: "m0",
        sources: [],
        destination: undefined,
        changes: ["All but secret", "New fields of the source are included"],
      },
      {
        id: "cphone",
        sources: ["phone"],
        destination: undefined,
        changes: ["Mask the first 4 characters with *"],
      },
    ]);
  });

  test("a changed field that nothing maps is told as such, and so are unknown kinds", () => {
    const read = readTasks([
      task("Map", ["a"], "NO_OP", {}, "a"),
      task("Mask", ["b"], "MASK_ALL"),
      task("Sort", ["a"], "NO_OP"),
    ]);
    expect(read.fields.map((row) => [row.sources, row.destination, row.changes])).toEqual([
      [["a"], null, ["Sort NO_OP"]],
      [["a"], "a", []],
      [["b"], null, ["Mask the whole value with *"]],
    ]);
  });

  test("filters: alternatives, bounds, and times that people can read", () => {
    const read = readTasks([
      task("Filter", ["city"], "EQUAL_TO", { VALUES: "Ulm,Bonn", DATA_TYPE: "string" }),
      task("Filter", ["at"], "BETWEEN", { DATA_TYPE: "datetime", LOWER_BOUND: "1700000000000", UPPER_BOUND: "now" }),
      task("Filter", ["n"], "EQUAL_TO", { VALUE: "1700000000000", DATA_TYPE: "long" }),
    ]);
    expect(read.filters.map(({ values, alternatives }) => [values, alternatives])).toEqual([
      [["Ulm", "Bonn"], true],
      [["2023-11-14T22:13:20.000Z (1700000000000)", "now"], false],
      [["1700000000000"], false],
    ]);
  });

  test("partition keys come as JSON, with commas, or as fields", () => {
    const keys = (properties: Record<string, string>) =>
      readTasks([task("Partition", ["x", "y"], "NO_OP", properties)]).partitionKeys;
    expect(keys({ ORDERED_PARTITION_KEYS_LIST: '["y","x"]' })).toEqual(["y", "x"]);
    expect(keys({ ORDERED_PARTITION_KEYS_LIST: "y, x" })).toEqual(["y", "x"]);
    expect(keys({})).toEqual(["x", "y"]);
  });

  test("a task without an operator has none", () => {
    expect(operatorOf({ taskType: "Map", sourceFields: [] } as Task)).toBe("");
  });
});
