// The frame around every page: bars, navigation, notifications, help.
import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import HelpPanel from "@cloudscape-design/components/help-panel";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import type { ReactNode } from "react";
import { type SessionState, signOut } from "../api/session";
import { href, useRoute } from "../router";
import { shell } from "../strings/shell";
import { chrome, helpOpen, openedHelp } from "./chrome";
import { NotificationBar } from "./notifications";
import { useStore } from "./store";

interface FrameProps {
  session: Extract<SessionState, { status: "signedIn" }>;
  content: ReactNode;
}

export function Frame({ session, content }: FrameProps) {
  const { title, breadcrumbs, contentType, help } = useStore(chrome);
  const shownHelp = useStore(openedHelp) ?? help;
  const toolsOpen = useStore(helpOpen);
  const { segments } = useRoute();
  return (
    <>
      <header id="top">
        <TopNavigation
          identity={{ href: "#/", title: shell.product }}
          utilities={[
            {
              type: "menu-dropdown",
              text: session.userName,
              iconName: "user-profile",
              items: [{ id: "sign-out", text: shell.signOut }],
              onItemClick: () => void signOut(),
            },
          ]}
        />
      </header>
      <AppLayout
        headerSelector="#top"
        contentType={contentType}
        navigation={
          <SideNavigation
            header={{ text: shell.product, href: "#/" }}
            activeHref={href(segments[0] ?? "")}
            items={[
              { type: "link", text: shell.flows, href: href("flows") },
              { type: "link", text: shell.connections, href: href("connections") },
              { type: "link", text: shell.connectors, href: href("connectors") },
            ]}
          />
        }
        breadcrumbs={
          <BreadcrumbGroup
            items={[{ text: shell.product, href: "#/" }, ...breadcrumbs, { text: title, href: "" }]}
          />
        }
        notifications={<NotificationBar />}
        content={content}
        toolsHide={shownHelp === undefined}
        toolsOpen={toolsOpen}
        onToolsChange={({ detail }) => helpOpen.set(detail.open)}
        tools={
          shownHelp === undefined ? null : <HelpPanel header={<h2>{shownHelp.title}</h2>}>{shownHelp.body}</HelpPanel>
        }
      />
    </>
  );
}
