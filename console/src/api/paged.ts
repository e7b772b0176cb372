// Lists that the server hands out page by page.

/** One page and the token of the next one. */
export interface PageOf<T> {
  items: T[];
  nextToken: string | undefined;
}

/**
 * Fetches page after page and hands over everything so far after each. Stops at a token that came
 * before, since a list that runs in a circle would never end.
 */
export async function eachPage<T>(
  fetchPage: (nextToken: string | undefined) => Promise<PageOf<T>>,
  onPage: (soFar: T[], complete: boolean) => void,
): Promise<T[]> {
  const seen = new Set<string>();
  let all: T[] = [];
  let token: string | undefined;
  for (;;) {
    const page = await fetchPage(token);
    all = all.concat(page.items);
    token = page.nextToken === "" ? undefined : page.nextToken;
    const complete = token === undefined || seen.has(token);
    onPage(all, complete);
    if (complete || token === undefined) return all;
    seen.add(token);
  }
}

/** Runs `work` for each item, `limit` at a time, until done or until the signal says stop. */
export async function eachOf<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && !signal.aborted; item = waiting.shift()) {
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
