// What the page on show tells the frame around it: its title, its breadcrumbs, its help.
import type { AppLayoutProps } from "@cloudscape-design/components/app-layout";
import type { ReactNode } from "react";
import { createStore } from "./store";

export interface Breadcrumb {
  text: string;
  href: string;
}

/** The content of the help panel. */
export interface HelpContent {
  title: string;
  body: ReactNode;
  links?: { text: string; href: string }[];
}

export interface Chrome {
  title: string;
  breadcrumbs: Breadcrumb[];
  contentType: AppLayoutProps.ContentType;
  help: HelpContent | undefined;
}

export const chrome = createStore<Chrome>({
  title: "",
  breadcrumbs: [],
  contentType: "default",
  help: undefined,
});

/** What the help panel shows; undefined stands for the page's own help. */
export const openedHelp = createStore<HelpContent | undefined>(undefined);
export const helpOpen = createStore(false);

/** Opens the help panel with a content, or with the page's own. */
export function openHelp(content?: HelpContent): void {
  openedHelp.set(content);
  helpOpen.set(true);
}
