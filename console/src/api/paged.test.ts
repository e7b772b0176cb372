import { describe, expect, test } from "vitest";
import { eachOf, eachPage, type PageOf } from "./paged";

describe("pages", () => {
  test("come one after another, and the caller sees each", async () => {
    const pages: Record<string, PageOf<number>> = {
      "": { items: [1, 2], nextToken: "a" },
      a: { items: [], nextToken: "b" },
      b: { items: [3], nextToken: "" },
    };
    const seen: [number, boolean][] = [];
    const all = await eachPage<number>(
      async (token) => pages[token ?? ""] as PageOf<number>,
      (soFar, complete) => seen.push([soFar.length, complete]),
    );
    expect(all).toEqual([1, 2, 3]);
    expect(seen).toEqual([
      [2, false],
      [2, false],
      [3, true],
    ]);
  });

  test("that run in a circle end", async () => {
    let calls = 0;
    const all = await eachPage<number>(
      async () => ({ items: [++calls], nextToken: "same" }),
      () => undefined,
    );
    expect(all).toEqual([1, 2]);
  });

  test("an error ends the list and is the caller's", async () => {
    await expect(eachPage(async () => Promise.reject(new Error("no")), () => undefined)).rejects.toThrow("no");
  });
});

describe("work", () => {
  test("is done at most so many at a time, each item once", async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await eachOf(
      [1, 2, 3, 4, 5],
      2,
      async (item) => {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        done.push(item);
      },
      new AbortController().signal,
    );
    expect(most).toBe(2);
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5]);
  });

  test("stops when it is told to", async () => {
    const controller = new AbortController();
    const done: number[] = [];
    await eachOf(
      [1, 2, 3],
      1,
      async (item) => {
        done.push(item);
        controller.abort();
      },
      controller.signal,
    );
    expect(done).toEqual([1]);
  });
});
