// The runs of a flow: putting answers together, seeing which ended, and when to ask again.
import type { ExecutionRecord } from "@aws-sdk/client-appflow";
import { between } from "../format";
import { isUnderWay } from "./status";

/** Runs that a page of the history shows. */
export const PAGE_SIZE = 20;
/** The most that the API hands out at once. */
const MOST = 100;
/** How often a run in progress is looked at. */
export const POLL_MS = 2000;
/** After this time without input nobody is looking, and asking would keep the session open. */
export const IDLE_MS = 5 * 60_000;

/**
 * Lays the newest runs over those known. Both are newest first, and the answer begins with the
 * newest of all, so what it holds replaces or precedes what is known.
 */
export function mergeRuns(known: readonly ExecutionRecord[], newest: readonly ExecutionRecord[]): ExecutionRecord[] {
  const ids = new Set(newest.map((run) => run.executionId));
  return [...newest, ...known.filter((run) => !ids.has(run.executionId))];
}

/** Puts the next page behind the runs known; a run that moved there meanwhile is not doubled. */
export function appendRuns(known: readonly ExecutionRecord[], next: readonly ExecutionRecord[]): ExecutionRecord[] {
  const ids = new Set(known.map((run) => run.executionId));
  return [...known, ...next.filter((run) => !ids.has(run.executionId))];
}

/** How many of the newest runs a look at those under way must fetch. */
export function pollSize(runs: readonly ExecutionRecord[]): number {
  const last = runs.findLastIndex((run) => isUnderWay(run.executionStatus));
  return Math.min(MOST, Math.max(PAGE_SIZE, last + 1));
}

/**
 * Whether to ask again: while a run is under way or awaited, somebody can see the page, and
 * somebody was there not long ago.
 */
export function shouldPoll(now: { waiting: boolean; visible: boolean; idleMs: number }): boolean {
  return now.waiting && now.visible && now.idleMs < IDLE_MS;
}

/** Keeps an eye on runs, so that their end is told once and old runs are not told at all. */
export class RunWatch {
  readonly #watched = new Set<string>();

  /** Watches a run that was just started, even if it has ended before anybody looks. */
  watch(executionId: string): void {
    this.#watched.add(executionId);
  }

  /** Whether a run is awaited that the answers have not shown as ended. */
  get waiting(): boolean {
    return this.#watched.size > 0;
  }

  /** Takes in an answer and gives the watched runs that have ended since, oldest first. */
  take(runs: readonly ExecutionRecord[]): ExecutionRecord[] {
    const ended: ExecutionRecord[] = [];
    for (const run of runs) {
      if (run.executionId === undefined) continue;
      if (isUnderWay(run.executionStatus)) this.#watched.add(run.executionId);
      else if (this.#watched.delete(run.executionId)) ended.unshift(run);
    }
    return ended;
  }
}

/**
 * How long a run took, or has taken so far. `now` is the server's time: a clock that is off on
 * this computer would make runs last minutes too long.
 */
export function durationOf(run: ExecutionRecord, now: number): number | undefined {
  if (isUnderWay(run.executionStatus)) return between(run.startedAt, new Date(now));
  return between(run.startedAt, run.lastUpdatedAt);
}
