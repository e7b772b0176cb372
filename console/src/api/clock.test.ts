import { describe, expect, it } from "vitest";
import { clockOffset, learnServerDate } from "./clock";

const SENT = Date.parse("2026-01-01T12:00:00Z");

/** What is learnt from a server whose clock is `ahead` ms ahead, an answer taking `took` ms. */
function learn(ahead: number, took: number): number {
  learnServerDate(new Date(SENT + took / 2 + ahead).toUTCString(), SENT, SENT + took);
  return clockOffset();
}

describe("the clock", () => {
  it.each([
    ["five hours ahead", 5 * 3600_000],
    ["ten minutes behind", -600_000],
  ])("follows a server %s to the second", (_name, ahead) => {
    expect(Math.abs(learn(ahead, 80) - ahead)).toBeLessThanOrEqual(1000);
  });

  it("corrects nothing below the header's coarseness", () => {
    for (const ahead of [0, 900, -900]) expect(learn(ahead, 100)).toBe(0);
  });

  it("keeps what it knows when an answer has no date or a broken one", () => {
    const known = learn(600_000, 0);
    learnServerDate(null, SENT, SENT);
    learnServerDate("yesterday", SENT, SENT);
    expect(clockOffset()).toBe(known);
  });
});
