import { describe, expect, it } from "vitest";
import { parseAppearance } from "./appearance";
import { isChunkError } from "./ErrorBoundary";
import { idlePhase } from "./idle";
import { add, keepOf, MAX_NOTIFICATIONS, type Notification, remove } from "./notification-list";
import { isReturnable } from "./return-link";

function note(id: string, text = id): Notification {
  return { id, type: "success", text, page: "here" };
}

describe("notifications", () => {
  it("stand newest first and go one by one", () => {
    const list = add(add([], note("1")), note("2"));
    expect(list.map((item) => item.id)).toEqual(["2", "1"]);
    expect(remove(list, "2").map((item) => item.id)).toEqual(["1"]);
    expect(remove(list, "9")).toEqual(list);
  });

  it("do not double", () => {
    const list = add(add(add([], note("1", "same")), note("2")), note("3", "same"));
    expect(list.map((item) => item.id)).toEqual(["3", "2"]);
  });

  it("with another kind, header or link are another message", () => {
    let list = add([], note("1", "same"));
    list = add(list, { ...note("2", "same"), type: "error" });
    list = add(list, { ...note("3", "same"), header: "h" });
    list = add(list, { ...note("4", "same"), link: { text: "t", href: "#/" } });
    expect(list).toHaveLength(4);
  });

  it("of the page that is left go, and those of the next stay", () => {
    const list = add(add([], note("1")), { ...note("2"), page: "there" });
    expect(keepOf(list, "there").map((item) => item.id)).toEqual(["2"]);
    expect(keepOf(list, "elsewhere")).toEqual([]);
    const same = [note("1")];
    expect(keepOf(same, "here")).toBe(same);
  });

  it("are not doubled by another request ID", () => {
    const list = add([{ ...note("1", "same"), requestId: "a" }], { ...note("2", "same"), requestId: "b" });
    expect(list.map((item) => item.id)).toEqual(["2"]);
  });

  it("are not more than anybody reads", () => {
    let list: Notification[] = [];
    for (let i = 0; i < MAX_NOTIFICATIONS + 5; i++) list = add(list, note(String(i)));
    expect(list).toHaveLength(MAX_NOTIFICATIONS);
    expect(list[0]?.id).toBe(String(MAX_NOTIFICATIONS + 4));
  });
});

describe("idle time", () => {
  const minutes = (n: number) => n * 60_000;
  it.each([
    [0, 30, { phase: "present" }],
    [minutes(28.9), 30, { phase: "present" }],
    [minutes(29), 30, { phase: "warned", seconds: 60 }],
    [minutes(30) - 500, 30, { phase: "warned", seconds: 1 }],
    [minutes(30), 30, { phase: "over" }],
    [minutes(300), 30, { phase: "over" }],
    [minutes(0.4), 1, { phase: "present" }],
    [minutes(0.5), 1, { phase: "warned", seconds: 30 }],
  ])("of %d ms of %d minutes", (since, allowed, phase) => {
    expect(idlePhase(since, allowed)).toEqual(phase);
  });
});

describe("what is kept in the browser", () => {
  it.each([
    [null, "system", "comfortable"],
    ["", "system", "comfortable"],
    ["no json", "system", "comfortable"],
    ["null", "system", "comfortable"],
    ['{"theme":"dark","density":"compact"}', "dark", "compact"],
    ['{"theme":"sepia","density":7}', "system", "comfortable"],
  ])("as %s reads as %s and %s", (text, theme, density) => {
    expect(parseAppearance(text)).toEqual({ theme, density });
  });

  it("is only returned to when it is a page of the console", () => {
    expect(isReturnable("#/connections/view/a%2Fb")).toBe(true);
    for (const other of ["", "#/", "#/sign-in?error=x", "https://example.com/", "javascript:alert(1)"]) {
      expect(isReturnable(other)).toBe(false);
    }
  });
});

describe("a script that is missing", () => {
  it.each([
    ["Failed to fetch dynamically imported module: https://x/assets/y.js", true],
    ["error loading dynamically imported module: https://x/y.js", true],
    ["Importing a module script failed.", true],
    ["x is undefined", false],
  ])("%s: %s", (message, expected) => {
    expect(isChunkError(new TypeError(message))).toBe(expected);
  });
});
