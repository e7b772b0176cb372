import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ConnectionPage, ListConnectionsInput } from "../api/extensions";
import { askAhead, takeAhead } from "./ahead";
import { defaultPreferences } from "./preferences";
import { listInput, parseList } from "./query";

const EMPTY: ConnectionPage = { connectorProfiles: [], total: 0 };
const asked = vi.hoisted(() => vi.fn<(input: ListConnectionsInput, signal?: AbortSignal) => Promise<ConnectionPage>>());
vi.mock("../api/extensions", () => ({ listConnections: asked }));

const keyOf = (query: string) => JSON.stringify(listInput(parseList(new URLSearchParams(query)), defaultPreferences.pageSize));
const open = (hash: string) => vi.stubGlobal("window", { location: { hash } });
const signal = () => new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  vi.stubGlobal("localStorage", { getItem: () => null });
  asked.mockReset().mockResolvedValue(EMPTY);
});
afterEach(() => {
  takeAhead("");
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("asks for the list that the address shows, and gives the answer once", async () => {
  open("#/connections?connector=Slack&page=3");
  await askAhead(signal());
  expect(asked.mock.calls[0]?.[0]).toMatchObject({ connectorType: "Slack", startIndex: 40 });
  const key = keyOf("connector=Slack&page=3");
  expect(takeAhead(key)).toBe(EMPTY);
  expect(takeAhead(key)).toBeUndefined();
});

it("asks for nothing where the address shows no list", async () => {
  open("#/connections/view/erp");
  await askAhead(signal());
  expect(asked).not.toHaveBeenCalled();
});

it("is of no use to another list, nor to the same one later", async () => {
  open("#/connections");
  await askAhead(signal());
  expect(takeAhead(keyOf("q=erp"))).toBeUndefined();
  expect(takeAhead(keyOf(""))).toBeUndefined();
});

it("shows nobody an old list: the first page may have been another", async () => {
  open("");
  await askAhead(signal());
  vi.advanceTimersByTime(2000);
  expect(takeAhead(keyOf(""))).toBeUndefined();
});

it("forgets an answer that comes when the page is drawn already, and asks for none then", async () => {
  open("#/connections");
  const drawn = new AbortController();
  asked.mockImplementation(async () => {
    drawn.abort();
    return EMPTY;
  });
  await askAhead(drawn.signal);
  expect(takeAhead(keyOf(""))).toBeUndefined();
  await askAhead(drawn.signal);
  expect(asked).toHaveBeenCalledTimes(1);
});

it("keeps nothing of a list that could not be had", async () => {
  open("#/connections");
  asked.mockRejectedValue(new Error("no"));
  await expect(askAhead(signal())).rejects.toThrow("no");
  expect(takeAhead(keyOf(""))).toBeUndefined();
});
