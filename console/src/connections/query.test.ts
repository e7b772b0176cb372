// The list's address and preferences.
import { describe, expect, it } from "vitest";
import { choicesOf, choiceValue, isKnownConnector, parseChoice } from "./connectors";
import { defaultPreferences, readPreferences, writePreferences } from "./preferences";
import { listHref, listInput, type ListState, pageCount, parseList } from "./query";

const plain: ListState = {
  connectorType: undefined,
  connectorLabel: undefined,
  nameContains: "",
  health: undefined,
  sortBy: "name",
  descending: false,
  page: 1,
};

describe("a connector of an address", () => {
  const choices = [
    { connectorType: "SAPOData", name: "SAP OData" },
    { connectorType: "CustomConnector", connectorLabel: "GitHub", name: "GitHub" },
  ];
  it.each([
    ["SAPOData", undefined, true],
    ["CustomConnector", undefined, true],
    ["CustomConnector", "GitHub", true],
    ["CustomConnector", "Nope", false],
    ["Nope", undefined, false],
    ["SAPOData", "GitHub", false],
  ])("%s with label %s is known: %s", (type, label, expected) => {
    expect(isKnownConnector(choices, type, label)).toBe(expected);
  });
});

const read = (hash: string) => parseList(new URLSearchParams(hash.split("?")[1] ?? ""));

describe("the list's address", () => {
  it("is short for what is as always", () => {
    expect(listHref(plain)).toBe("#/connections");
    expect(read("#/connections")).toEqual(plain);
  });

  it("says everything else, and is read back", () => {
    const state: ListState = {
      connectorType: "CustomConnector",
      connectorLabel: "Git & Hub",
      nameContains: "a/b#c",
      health: "Refused",
      sortBy: "usedBy",
      descending: true,
      page: 3,
    };
    expect(read(listHref(state))).toEqual(state);
  });

  it("counts nonsense as not said", () => {
    expect(read("#/connections?page=-1&sort=colour&health=Fine&order=up")).toEqual(plain);
    expect(read("#/connections?page=1.5").page).toBe(1);
  });

  it("makes the server's input", () => {
    expect(listInput(plain, 20)).toEqual({ sortBy: "name", descending: false, maxResults: 20, startIndex: 0 });
    expect(listInput({ ...plain, connectorType: "Slack", nameContains: "x", health: "Proved", page: 3 }, 50)).toEqual({
      connectorType: "Slack",
      nameContains: "x",
      health: ["Proved"],
      sortBy: "name",
      descending: false,
      maxResults: 50,
      startIndex: 100,
    });
  });

  it("counts pages", () => {
    expect([pageCount(0, 10), pageCount(10, 10), pageCount(11, 10)]).toEqual([1, 1, 2]);
  });
});

describe("preferences", () => {
  const storage = (text: string | null) => {
    const kept: { text: string | null } = { text };
    return { getItem: () => kept.text, setItem: (_: string, value: string) => void (kept.text = value), kept };
  };

  it("are kept and read", () => {
    const store = storage(null);
    expect(readPreferences(store)).toEqual(defaultPreferences);
    const changed = { ...defaultPreferences, pageSize: 50, wrapLines: true };
    writePreferences(changed, store);
    expect(readPreferences(store)).toEqual(changed);
  });

  it("fall back where they make no sense, and keep the name's column", () => {
    expect(readPreferences(storage("{"))).toEqual(defaultPreferences);
    expect(readPreferences(storage("7"))).toEqual(defaultPreferences);
    const odd = readPreferences(storage(JSON.stringify({ pageSize: 7, contentDisplay: [{ id: "name", visible: false }, { id: "gone" }, null] })));
    expect(odd).toEqual(defaultPreferences);
  });

  it("survive a browser that stores nothing", () => {
    const refusing = {
      getItem: () => null,
      setItem: () => {
        throw new Error("full");
      },
    };
    expect(() => writePreferences(defaultPreferences, refusing)).not.toThrow();
  });
});

describe("connectors", () => {
  it("stand for themselves in the drop-down", () => {
    for (const one of [{ connectorType: "Slack" }, { connectorType: "CustomConnector", connectorLabel: "a/b" }]) {
      expect(parseChoice(choiceValue(one.connectorType, one.connectorLabel))).toEqual(one);
    }
  });

  it("are offered in the order of their names", () => {
    const choices = choicesOf([
      { connectorType: "Zendesk", connectorName: "Zendesk" },
      { connectorType: "CustomConnector", connectorLabel: "GitHub" },
      { connectorType: "Amplitude", connectorName: "amplitude" },
    ]);
    expect(choices.map((one) => one.name)).toEqual(["amplitude", "GitHub", "Zendesk"]);
  });
});
