import type { ExecutionRecord } from "@aws-sdk/client-appflow";
import { describe, expect, test } from "vitest";
import { appendRuns, durationOf, IDLE_MS, mergeRuns, PAGE_SIZE, pollSize, RunWatch, shouldPoll } from "./runs";
import { flowStatus, isUnderWay, runStatus } from "./status";

const run = (executionId: string, executionStatus = "Successful"): ExecutionRecord =>
  ({ executionId, executionStatus }) as ExecutionRecord;
const ids = (runs: ExecutionRecord[]) => runs.map((one) => one.executionId);

describe("answers", () => {
  test("the newest replace what is known and come first", () => {
    const merged = mergeRuns([run("b", "InProgress"), run("a")], [run("c", "InProgress"), run("b")]);
    expect(ids(merged)).toEqual(["c", "b", "a"]);
    expect(merged[1]?.executionStatus).toBe("Successful");
  });

  test("a next page doubles nothing", () => {
    expect(ids(appendRuns([run("c"), run("b")], [run("b"), run("a")]))).toEqual(["c", "b", "a"]);
  });

  test("a look reaches the oldest run under way", () => {
    const many = Array.from({ length: 60 }, (_, index) => run(String(index), index === 40 ? "InProgress" : "Error"));
    expect(pollSize(many)).toBe(41);
    expect(pollSize([])).toBe(PAGE_SIZE);
  });
});

describe("asking again", () => {
  test.each([
    [{ waiting: true, visible: true, idleMs: 0 }, true],
    [{ waiting: false, visible: true, idleMs: 0 }, false],
    [{ waiting: true, visible: false, idleMs: 0 }, false],
    [{ waiting: true, visible: true, idleMs: IDLE_MS }, false],
  ])("%j", (now, poll) => expect(shouldPoll(now)).toBe(poll));
});

describe("watch", () => {
  test("tells the end of a run once, and nothing of runs that had ended before", () => {
    const watch = new RunWatch();
    expect(watch.take([run("b", "InProgress"), run("a")])).toEqual([]);
    expect(watch.waiting).toBe(true);
    expect(ids(watch.take([run("b", "Error"), run("a")]))).toEqual(["b"]);
    expect(watch.take([run("b", "Error")])).toEqual([]);
    expect(watch.waiting).toBe(false);
  });

  test("tells of a started run that ended before the first look", () => {
    const watch = new RunWatch();
    watch.watch("fast");
    expect(watch.waiting).toBe(true);
    expect(ids(watch.take([run("fast"), run("old")]))).toEqual(["fast"]);
  });

  test("tells the oldest first", () => {
    const watch = new RunWatch();
    watch.take([run("new", "InProgress"), run("old", "CancelStarted")]);
    expect(ids(watch.take([run("new"), run("old", "Canceled")]))).toEqual(["old", "new"]);
  });
});

test("a run's duration goes on until it ends", () => {
  const times = { startedAt: new Date(1000), lastUpdatedAt: new Date(3000) };
  expect(durationOf({ ...run("a"), ...times }, 9000)).toBe(2000);
  expect(durationOf({ ...run("a", "InProgress"), ...times }, 9000)).toBe(8000);
  expect(durationOf(run("a"), 9000)).toBeUndefined();
});

test("statuses have words and looks, and unknown ones are shown as they are spelt", () => {
  expect(flowStatus("Draft")).toEqual({ type: "pending", text: "Draft" });
  expect(runStatus("CancelStarted")).toEqual({ type: "in-progress", text: "Canceling" });
  expect(runStatus("Novel")).toEqual({ type: "info", text: "Novel" });
  expect(flowStatus(undefined).text).toBe("-");
  expect(isUnderWay("CancelStarted")).toBe(true);
  expect(isUnderWay("Canceled")).toBe(false);
});
