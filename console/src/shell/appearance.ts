// Theme and density: chosen in the top bar, kept in this browser.
import { applyDensity, applyMode, Density, Mode } from "@cloudscape-design/global-styles";
import { createStore } from "./store";

export type Theme = "light" | "dark" | "system";

export interface Appearance {
  theme: Theme;
  density: "comfortable" | "compact";
}

/** `src/first-paint.js` reads the same entry. */
const ENTRY = "tidegate-appearance";

/** Reads what is kept; anything that is not understood counts as not chosen. */
export function parseAppearance(text: string | null): Appearance {
  let kept: unknown;
  try {
    kept = JSON.parse(text ?? "{}");
  } catch {
    kept = {};
  }
  const record = (typeof kept === "object" && kept !== null ? kept : {}) as Record<string, unknown>;
  const { theme, density } = record;
  return {
    theme: theme === "light" || theme === "dark" ? theme : "system",
    density: density === "compact" ? "compact" : "comfortable",
  };
}

export const appearance = createStore<Appearance>({ theme: "system", density: "comfortable" });

const systemDark = typeof matchMedia === "undefined" ? undefined : matchMedia("(prefers-color-scheme: dark)");

/** Takes up what is kept, and follows the system and the other tabs. */
export function startAppearance(): void {
  appearance.set(load());
  appearance.subscribe(apply);
  systemDark?.addEventListener("change", apply);
  window.addEventListener("storage", (event) => {
    if (event.key === ENTRY) appearance.set(load());
  });
  apply();
}

/** Changes the appearance and keeps it. */
export function choose(change: Partial<Appearance>): void {
  appearance.set({ ...appearance.get(), ...change });
  try {
    localStorage.setItem(ENTRY, JSON.stringify(appearance.get()));
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
}

function load(): Appearance {
  try {
    return parseAppearance(localStorage.getItem(ENTRY));
  } catch {
    return parseAppearance(null);
  }
}

function apply(): void {
  const { theme, density } = appearance.get();
  const dark = theme === "dark" || (theme === "system" && systemDark?.matches === true);
  applyMode(dark ? Mode.Dark : Mode.Light);
  applyDensity(density === "compact" ? Density.Compact : Density.Comfortable);
}
