// The pages, each in a script of its own that is loaded when it is first wanted.
import { type ComponentType, lazy, useState } from "react";

interface LazyPage {
  Page: ComponentType;
  load: () => Promise<void>;
  /** Asks the server for what the page will show first. */
  askAhead: (signal: AbortSignal) => Promise<void>;
}

type Module = { default: ComponentType; askAhead?: LazyPage["askAhead"] };

/**
 * Like React's `lazy`, but a page that is loaded already is drawn at once: React would show the
 * fallback for a third of a second.
 */
function lazyPage(load: () => Promise<Module>): LazyPage {
  let loaded: ComponentType | undefined;
  const loadOnce = async () => {
    const module = await load();
    loaded = module.default;
    return module;
  };
  const Lazy: ComponentType = lazy(loadOnce);
  return {
    Page: function LazyPage() {
      const [Chosen] = useState(() => loaded ?? Lazy);
      return <Chosen />;
    },
    // Trouble with a page that is not on show is told when it is wanted.
    load: () => loadOnce().then(() => undefined, () => undefined),
    askAhead: async (signal) => (await loadOnce()).askAhead?.(signal),
  };
}

export const pages: Readonly<Record<string, LazyPage>> = {
  connections: lazyPage(() => import("./connections")),
  connectors: lazyPage(() => import("./connectors")),
  flows: lazyPage(() => import("./flows")),
};

/** The page for the first segment of an address. */
export function pageFor(segment: string): LazyPage | undefined {
  return Object.hasOwn(pages, segment) ? pages[segment] : undefined;
}

/** Loads the other pages when the browser has nothing better to do. */
export function loadPagesWhenIdle(): () => void {
  const loadAll = () => void Promise.all(Object.values(pages).map((page) => page.load()));
  if (typeof requestIdleCallback === "undefined") {
    const timer = setTimeout(loadAll, 2000);
    return () => clearTimeout(timer);
  }
  const request = requestIdleCallback(loadAll, { timeout: 5000 });
  return () => cancelIdleCallback(request);
}
