// The difference between this computer's clock and the server's. Signatures carry the time, and
// the server refuses those that are minutes off, so the page signs with the server's time.

let offset = 0;

/** Milliseconds to add to this computer's time to get the server's. */
export function clockOffset(): number {
  return offset;
}

/** The server's time now, in milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + offset;
}

/**
 * Learns from an answer's `Date` header. `sent` and `received` are this computer's times around
 * the request; the header has whole seconds, so half a second is added on average.
 */
export function learnServerDate(header: string | null, sent: number, received: number): void {
  if (header === null) return;
  const server = Date.parse(header);
  if (Number.isNaN(server)) return;
  const difference = server + 500 - (sent + received) / 2;
  // Below the header's own coarseness and the time on the way there is nothing to correct.
  offset = Math.abs(difference) < 2000 + (received - sent) ? 0 : Math.round(difference);
}
