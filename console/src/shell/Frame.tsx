// The frame around every page: bars, navigation, notifications, help.
import AppLayout, { type AppLayoutProps } from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import { type ReactNode, useEffect, useRef } from "react";
import type { SessionState } from "../api/session";
import { href, useRoute } from "../router";
import { shell } from "../strings/shell";
import { chrome, helpOpen, openedHelp } from "./chrome";
import { ErrorBoundary } from "./ErrorBoundary";
import { Help } from "./Help";
import { IdleGuard } from "./IdleGuard";
import { arriveAt, NotificationBar, notifications, pageOf } from "./notifications";
import { focusHeading } from "./Page";
import { useStore } from "./store";
import { TopBar } from "./TopBar";

interface FrameProps {
  session: Extract<SessionState, { status: "signedIn" }>;
  content: ReactNode;
}

const LINKS = [
  { type: "link", text: shell.flows, href: href("flows") },
  { type: "link", text: shell.connections, href: href("connections") },
  { type: "link", text: shell.connectors, href: href("connectors") },
] as const;

export function Frame({ session, content }: FrameProps) {
  const { title, breadcrumbs, contentType, help } = useStore(chrome);
  const shownHelp = useStore(openedHelp) ?? help;
  const toolsOpen = useStore(helpOpen);
  const { segments } = useRoute();
  const path = pageOf(segments);
  const layout = useRef<AppLayoutProps.Ref>(null);

  // What was told to one session is no business of the next.
  useEffect(() => notifications.clear, []);

  // Another page brings its own help and its own messages.
  useEffect(() => {
    openedHelp.set(undefined);
    arriveAt(path);
  }, [path]);

  useEffect(() => {
    if (toolsOpen) layout.current?.focusToolsClose();
  }, [toolsOpen, shownHelp]);

  return (
    <>
      <button type="button" className="tg-skip" onClick={focusHeading}>
        {shell.skip}
      </button>
      <TopBar session={session} />
      <AppLayout
        ref={layout}
        headerSelector="#top"
        contentType={contentType}
        stickyNotifications
        navigation={
          <SideNavigation
            header={{ text: shell.product, href: "#/" }}
            activeHref={href(segments[0] ?? "")}
            items={LINKS}
          />
        }
        breadcrumbs={
          <BreadcrumbGroup
            ariaLabel={shell.breadcrumbs}
            items={[{ text: shell.product, href: "#/" }, ...breadcrumbs, { text: title, href: "" }]}
          />
        }
        notifications={<NotificationBar />}
        content={<ErrorBoundary resetKey={path}>{content}</ErrorBoundary>}
        toolsHide={shownHelp === undefined}
        toolsOpen={toolsOpen && shownHelp !== undefined}
        onToolsChange={({ detail }) => helpOpen.set(detail.open)}
        tools={shownHelp === undefined ? null : <Help content={shownHelp} />}
        ariaLabels={{
          navigation: shell.navigation,
          navigationToggle: shell.openNavigation,
          navigationClose: shell.closeNavigation,
          notifications: shell.notifications,
          tools: shell.help,
          toolsToggle: shell.openHelp,
          toolsClose: shell.closeHelp,
        }}
      />
      <IdleGuard idleMinutes={session.idleMinutes} />
    </>
  );
}
