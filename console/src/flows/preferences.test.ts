import { expect, test } from "vitest";
import { flowHref, tabOf } from "./links";
import { COLUMN_IDS, DEFAULTS, parsePreferences } from "./preferences";

test("nothing stored, or nonsense, gives the defaults", () => {
  for (const text of [null, "", "{", "3", "[]", '{"pageSize": 7, "contentDisplay": [null, {"id": "x"}]}']) {
    expect(parsePreferences(text)).toEqual(DEFAULTS);
  }
});

test("what fits is kept, the name stays visible, and new columns stand at the end", () => {
  const stored = {
    pageSize: 50,
    wrapLines: true,
    contentDensity: "compact",
    contentDisplay: [
      { id: "trigger", visible: true },
      { id: "name", visible: false },
      { id: "trigger", visible: false },
    ],
  };
  const read = parsePreferences(JSON.stringify(stored));
  expect(read).toMatchObject({ pageSize: 50, wrapLines: true, contentDensity: "compact" });
  expect(read.contentDisplay.slice(0, 2)).toEqual([
    { id: "trigger", visible: true },
    { id: "name", visible: true },
  ]);
  expect(read.contentDisplay.map((column) => column.id).toSorted()).toEqual([...COLUMN_IDS].toSorted());
});

test("tabs are named in the address", () => {
  expect(flowHref("a b", "history")).toBe("#/flows/view/a%20b?tab=history");
  expect(flowHref("f")).toBe("#/flows/view/f");
  expect(tabOf("history")).toBe("history");
  expect(tabOf("nonsense")).toBe("fields");
});
