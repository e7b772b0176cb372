// Loads something for a page, gives up what is no longer asked for, and can load again.
import { useCallback, useEffect, useRef, useState } from "react";
import { isAborted } from "./errors";

/** What is being loaded. While `loading`, `data` is still what was there before. */
export interface Load<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
  readonly reload: () => void;
}

/**
 * Loads whenever `key` changes; `undefined` loads nothing. The request of the key before is
 * cancelled. `keep` leaves the old data on the page until the new is there; `first` is there already.
 */
export function useLoad<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  options: { readonly keep?: boolean; readonly first?: T | undefined } = {},
): Load<T> {
  const [turn, setTurn] = useState(0);
  const wanted = `${turn} ${key ?? ""}`;
  const { first } = options;
  const [state, setState] = useState<{ key: string | undefined; data: T | undefined; error: unknown; done: string }>(
    first === undefined
      ? { key: undefined, data: undefined, error: undefined, done: "" }
      : { key, data: first, error: undefined, done: wanted },
  );
  const hasFirst = useRef(first !== undefined);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (key === undefined) return;
    if (hasFirst.current) {
      hasFirst.current = false;
      return;
    }
    const abort = new AbortController();
    latest.current(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) setState({ key, data, error: undefined, done: wanted });
      },
      (error: unknown) => {
        if (abort.signal.aborted || isAborted(error)) return;
        setState((before) => ({
          key,
          data: before.key === key ? before.data : undefined,
          error,
          done: wanted,
        }));
      },
    );
    return () => abort.abort();
  }, [key, wanted]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const isCurrent = state.key === key;
  return {
    data: isCurrent || options.keep === true ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    loading: key !== undefined && state.done !== wanted,
    reload,
  };
}
