// The runs of a flow, followed live while one is under way.
import { DescribeFlowExecutionRecordsCommand, type ExecutionRecord } from "@aws-sdk/client-appflow";
import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import { appflow } from "../api/appflow";
import { errorCode } from "../api/client";
import { appendRuns, mergeRuns, PAGE_SIZE, POLL_MS, pollSize, shouldPoll } from "./runs";
import { watchOf } from "./start";
import { isUnderWay } from "./status";

/** `live`: asked every two seconds. `paused`: would be, but nobody has touched anything for long. */
export type Liveness = "off" | "live" | "paused";

interface Runs {
  runs: ExecutionRecord[];
  nextToken: string | undefined;
  loaded: boolean;
  loading: boolean;
  error: unknown;
  liveness: Liveness;
}

const BEGIN: Runs = { runs: [], nextToken: undefined, loaded: false, loading: true, error: undefined, liveness: "off" };

const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

export interface FollowedRuns extends Runs {
  /** Asks now. */
  refresh: () => void;
  /** Fetches the next older page. */
  loadMore: () => Promise<void>;
}

/** `onEnded` gets each run that ended while it was watched, once. */
export function useRuns(flowName: string, onEnded: (run: ExecutionRecord) => void): FollowedRuns {
  const [state, setState] = useState<Runs>(BEGIN);
  // What the timers see; they must not begin anew with each answer.
  const current = useRef<Runs>(BEGIN);
  const lookNow = useRef<() => void>(() => undefined);
  const leave = useRef<AbortSignal>(undefined);
  const tellEnded = useEffectEvent(onEnded);

  const set = useCallback((part: Partial<Runs>) => {
    current.current = { ...current.current, ...part };
    setState(current.current);
  }, []);

  useEffect(() => {
    const controller = new AbortController();
    const abortSignal = controller.signal;
    leave.current = abortSignal;
    const watch = watchOf(flowName);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    let askAgain = false;
    let gone = false;
    let lastInput = Date.now();
    current.current = BEGIN;

    const look = async (): Promise<void> => {
      clearTimeout(timer);
      timer = undefined;
      if (asking) {
        // The answer under way may be older than what is asked for.
        askAgain = true;
        return;
      }
      asking = true;
      try {
        const answer = await page(flowName, pollSize(current.current.runs), undefined, abortSignal);
        const newest = answer.flowExecutions ?? [];
        const runs = mergeRuns(current.current.runs, newest);
        // Where older pages are on show, their token leads on, not this answer's.
        const nextToken = runs.length > newest.length ? current.current.nextToken : answer.nextToken;
        set({ runs, nextToken, loaded: true, error: undefined });
        for (const ended of watch.take(runs)) tellEnded(ended);
      } catch (error) {
        if (abortSignal.aborted) return;
        gone = errorCode(error) === "ResourceNotFoundException";
        set({ error });
      }
      asking = false;
      set({ loading: false });
      if (askAgain) {
        askAgain = false;
        void look();
      } else {
        plan();
      }
    };

    const plan = (): void => {
      if (abortSignal.aborted || asking || timer !== undefined) return;
      const waiting = !gone && (watch.waiting || current.current.runs.some((run) => isUnderWay(run.executionStatus)));
      const visible = document.visibilityState === "visible";
      const poll = shouldPoll({ waiting, visible, idleMs: Date.now() - lastInput });
      const liveness: Liveness = poll ? "live" : waiting && visible ? "paused" : "off";
      if (liveness !== current.current.liveness) set({ liveness });
      if (poll) timer = setTimeout(() => void look(), POLL_MS);
    };

    const input = (): void => {
      lastInput = Date.now();
      if (current.current.liveness === "paused") void look();
    };
    const shown = (): void => {
      if (document.visibilityState !== "visible") {
        clearTimeout(timer);
        timer = undefined;
        return;
      }
      lastInput = Date.now();
      if (current.current.liveness !== "off") void look();
    };

    lookNow.current = () => {
      set({ loading: true });
      void look();
    };
    for (const name of INPUTS) window.addEventListener(name, input, { capture: true, passive: true });
    document.addEventListener("visibilitychange", shown);
    void look();
    return () => {
      controller.abort();
      clearTimeout(timer);
      for (const name of INPUTS) window.removeEventListener(name, input, true);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [flowName, set]);

  const refresh = useCallback(() => lookNow.current(), []);
  const loadMore = useCallback(async () => {
    const { nextToken } = current.current;
    const abortSignal = leave.current;
    if (nextToken === undefined || abortSignal === undefined) return;
    set({ loading: true });
    try {
      const answer = await page(flowName, PAGE_SIZE, nextToken, abortSignal);
      set({
        runs: appendRuns(current.current.runs, answer.flowExecutions ?? []),
        nextToken: answer.nextToken,
        error: undefined,
      });
    } catch (error) {
      if (!abortSignal.aborted) set({ error });
    }
    set({ loading: false });
  }, [flowName, set]);

  return { ...state, refresh, loadMore };
}

function page(flowName: string, maxResults: number, nextToken: string | undefined, abortSignal: AbortSignal) {
  return appflow().send(new DescribeFlowExecutionRecordsCommand({ flowName, maxResults, nextToken }), { abortSignal });
}
