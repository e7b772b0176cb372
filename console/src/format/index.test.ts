import { describe, expect, test } from "vitest";
import { between, formatBytes, formatCount, formatDuration, formatTime, humanize } from ".";

describe("format", () => {
  test.each([
    [undefined, "-"],
    [0, "0"],
    [72914, "72,914"],
  ])("count %s", (count, text) => expect(formatCount(count)).toBe(text));

  test.each([
    [undefined, "-"],
    [0, "0 B"],
    [1023, "1,023 B"],
    [1024, "1.0 KiB"],
    [1024 * 1024 - 1, "1.0 MiB"],
    [11785063, "11.2 MiB"],
    [5 * 1024 ** 4, "5.0 TiB"],
    [2 ** 62, "4096.0 PiB"],
  ])("bytes %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [undefined, "-"],
    [Number.NaN, "-"],
    [-5, "< 0.1 s"],
    [169, "0.2 s"],
    [9949, "9.9 s"],
    [9960, "10 s"],
    [59_900, "1 min 0 s"],
    [185_000, "3 min 5 s"],
    [7_200_000, "2 h 0 min"],
  ])("duration %s", (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));

  test("time", () => {
    const time = new Date("2026-11-24T09:33:32.661Z");
    expect(formatTime(time, "UTC")).toBe("Nov 24, 2026, 09:33:32 (UTC+00:00)");
    expect(formatTime(time, "Asia/Kolkata")).toBe("Nov 24, 2026, 15:03:32 (UTC+05:30)");
    expect(formatTime(new Date("2026-11-24T00:05:00Z"), "UTC")).toContain("00:05:00");
    expect(formatTime(undefined)).toBe("-");
    expect(formatTime(new Date("nonsense"))).toBe("-");
  });

  test("between", () => {
    expect(between(new Date(1000), new Date(3500))).toBe(2500);
    expect(between(undefined, new Date())).toBeUndefined();
  });

  test.each([
    ["maxPageSize", "Max page size"],
    ["UNKNOWN_PROPERTY", "Unknown property"],
    ["paginationConfig.maxPageSize", "Pagination config max page size"],
  ])("humanize %s", (name, text) => expect(humanize(name)).toBe(text));
});
