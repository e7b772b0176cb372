// Numbers, sizes, durations and times as people read them.

const numbers = new Intl.NumberFormat("en");

/** `72,914`; a dash for what is not known. */
export function formatCount(count: number | undefined): string {
  return count === undefined ? "-" : numbers.format(count);
}

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** `11.2 MiB`, by powers of 1024; a dash for what is not known. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return "-";
  if (bytes < 1024) return `${numbers.format(bytes)} B`;
  let size = bytes;
  let unit = -1;
  // 1023.95 would be rounded to 1024.0, which is the next unit's 1.0.
  while ((size >= 1023.95 || unit < 0) && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(1)} ${UNITS[unit]}`;
}

/** `< 0.1 s`, `0.2 s`, `12 s`, `3 min 5 s`, `2 h 0 min`; a dash for what is not known. */
export function formatDuration(milliseconds: number | undefined): string {
  if (milliseconds === undefined || Number.isNaN(milliseconds)) return "-";
  const tenths = Math.max(0, Math.round(milliseconds / 100));
  if (tenths === 0) return "< 0.1 s";
  if (tenths < 100) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(tenths / 10);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Milliseconds between two moments; undefined when one is not known. */
export function between(start: Date | undefined, end: Date | undefined): number | undefined {
  return start === undefined || end === undefined ? undefined : end.getTime() - start.getTime();
}

/** `Nov 24, 2026, 10:33:32 (UTC+01:00)` of a moment or its RFC 3339 text; `zone` is for tests. */
export function formatTime(moment: Date | string | undefined, zone?: string): string {
  const time = typeof moment === "string" ? new Date(moment) : moment;
  if (time === undefined || Number.isNaN(time.getTime())) return "-";
  const parts = new Intl.DateTimeFormat("en-US", {
    dateStyle: "medium",
    timeStyle: "medium",
    hourCycle: "h23",
    timeZone: zone,
  }).format(time);
  return `${parts} (${offsetOf(time, zone)})`;
}

/** `Nov 24, 2026, 10:33`: for narrow columns. */
export function formatMinute(moment: string): string {
  const time = new Date(moment);
  if (Number.isNaN(time.getTime())) return "-";
  return new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(time);
}

function offsetOf(time: Date, zone: string | undefined): string {
  const name = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" })
    .formatToParts(time)
    .find((part) => part.type === "timeZoneName")?.value;
  // Some browsers write plain `GMT` where there is no offset.
  return name === undefined || name === "GMT" ? "UTC+00:00" : name.replace("GMT", "UTC");
}

/** `maxPageSize` and `MAX_PAGE_SIZE` as `Max page size`: for members that have no words of their own. */
export function humanize(name: string): string {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/[_.]+/g, " ")
    .trim()
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
