// Times as a person reads them.

const full = new Intl.DateTimeFormat("en", {
  year: "numeric",
  month: "long",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZoneName: "longOffset",
});

const short = new Intl.DateTimeFormat("en", {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** A moment in words, in the browser's time zone; the text itself if it is no time. */
export function formatTime(moment: string | Date | undefined, length: "full" | "short" = "full"): string {
  if (moment === undefined) return "-";
  const date = typeof moment === "string" ? new Date(moment) : moment;
  return Number.isNaN(date.getTime()) ? String(moment) : (length === "full" ? full : short).format(date);
}
