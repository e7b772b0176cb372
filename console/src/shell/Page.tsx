// A page: its heading with actions, and what it tells the frame around it.
import type { AppLayoutProps } from "@cloudscape-design/components/app-layout";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import { type ReactNode, useEffect, useLayoutEffect } from "react";
import { useRoute } from "../router";
import { shell } from "../strings/shell";
import { type Breadcrumb, chrome, type HelpContent } from "./chrome";
import { InfoLink } from "./InfoLink";

export interface PageProps {
  /** The heading; also the last breadcrumb and the document's title. */
  title: string;
  /** A count behind the title, for example `(12)`. */
  counter?: string;
  description?: ReactNode;
  /** The pages between the root and this one, without both. */
  breadcrumbs: Breadcrumb[];
  /** Buttons at the right of the heading. */
  actions?: ReactNode;
  /** Puts an info link beside the heading and the content into the help panel. */
  help?: HelpContent;
  contentType?: AppLayoutProps.ContentType;
  /** Leaves out the heading: for a full-page table, which draws its own h1. */
  hideHeader?: boolean;
  children: ReactNode;
}

/** The page whose heading had the focus last; undefined before the first page. */
let focusedPath: string | undefined;

/** Lets the next page take the focus: what had it is about to go away. */
export function expectFocus(): void {
  focusedPath = "";
}

export function Page(props: PageProps) {
  const { title, breadcrumbs, help, contentType = "default" } = props;
  const path = useRoute().segments.join("/");
  const trail = JSON.stringify(breadcrumbs);

  useLayoutEffect(() => {
    chrome.set({ title, breadcrumbs: JSON.parse(trail) as Breadcrumb[], contentType, help });
    document.title = shell.documentTitle(title);
  }, [title, trail, contentType, help]);

  useEffect(() => {
    // The first page leaves the focus where the browser put it.
    if (focusedPath === path) return;
    if (focusedPath === undefined || focusHeading()) focusedPath = path;
  }, [path]);

  if (props.hideHeader) return <>{props.children}</>;
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          counter={props.counter}
          description={props.description}
          actions={props.actions}
          info={help === undefined ? undefined : <InfoLink help={help} />}
        >
          {title}
        </Header>
      }
    >
      {props.children}
    </ContentLayout>
  );
}

/**
 * Moves the focus to the page's heading, so that a screen reader says where one has arrived.
 * False when none is on show: while a page's script loads, the old page is still there, hidden.
 */
export function focusHeading(): boolean {
  const heading = document.querySelector<HTMLElement>("main h1");
  if (heading === null || heading.getClientRects().length === 0) return false;
  heading.tabIndex = -1;
  heading.focus();
  return true;
}
