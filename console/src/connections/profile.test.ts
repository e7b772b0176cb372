import { expect, it, vi } from "vitest";
import type { ConnectionPage, ListConnectionsInput } from "../api/extensions";
import { loadSummary } from "./profile";

const asked = vi.hoisted(() => vi.fn<(input: ListConnectionsInput) => Promise<ConnectionPage>>());
vi.mock("../api/extensions", () => ({ listConnections: asked }));

it("finds the row of a connection behind many whose names contain its own", async () => {
  const names = [...Array.from({ length: 230 }, (_, index) => `a-${index}-erp`), "erp"];
  asked.mockImplementation(async ({ startIndex = 0, maxResults = 0 }) => ({
    connectorProfiles: names.slice(startIndex, startIndex + maxResults).map((name) => ({ connectorProfileName: name })) as never,
    total: names.length,
  }));
  const signal = new AbortController().signal;
  const find = (name: string) => loadSummary({ name, connectorType: "Slack" }, signal);
  expect((await find("erp"))?.connectorProfileName).toBe("erp");
  expect(asked).toHaveBeenCalledTimes(3);
  expect(await find("erq")).toBeUndefined();
  expect(asked).toHaveBeenCalledTimes(6);
});
