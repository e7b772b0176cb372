import { describe, expect, it } from "vitest";
import { href, parseHash, withQuery } from "./router";

describe("addresses", () => {
  // AppFlow allows these in connection names; the rest stands for what a link may bring.
  const names = ["plain", "a/b", "a b", "100%", "%2F", "ä€😀", "?x=1&y", "#hash", "!#+=@.-_", "..", "a+b", "\"'<>&"];
  it.each(names)("keep the name %s", (name) => {
    const route = parseHash(withQuery(href("connections", "view", name), { tab: name }));
    expect(route.segments).toEqual(["connections", "view", name]);
    expect(route.query.get("tab")).toBe(name);
  });

  it("leave out empty query members", () => {
    expect(withQuery(href("flows"), { a: undefined, b: "", c: "1" })).toBe("#/flows?c=1");
    expect(withQuery(href("flows"), {})).toBe("#/flows");
  });

  it("that are not well encoded are taken as they stand", () => {
    expect(parseHash("#/flows/view/%E0%A4%A").segments).toEqual(["flows", "view", "%E0%A4%A"]);
  });

  it("without a path have no segments", () => {
    for (const hash of ["", "#", "#/", "#//"]) expect(parseHash(hash).segments).toEqual([]);
  });
});
