// The bar at the top: product, region, settings, the signed-in person.
import TopNavigation, { type TopNavigationProps } from "@cloudscape-design/components/top-navigation";
import { useState } from "react";
import { type SessionState, signOut } from "../api/session";
import icon from "../icon.svg";
import { shell } from "../strings/shell";
import { appearance, choose } from "./appearance";
import { ChangePassword } from "./ChangePassword";
import { useStore } from "./store";

export function TopBar({ session }: { session: Extract<SessionState, { status: "signedIn" }> }) {
  const { theme, density } = useStore(appearance);
  const [changing, setChanging] = useState(false);

  const region: TopNavigationProps.Utility = {
    type: "menu-dropdown",
    text: session.region,
    title: shell.region,
    ariaLabel: `${shell.region}: ${session.region}`,
    description: shell.regionNote,
    items: [{ itemType: "checkbox", id: "region", text: session.region, checked: true }],
  };
  const settings: TopNavigationProps.Utility = {
    type: "menu-dropdown",
    iconName: "settings",
    title: shell.settings,
    ariaLabel: shell.settings,
    items: [
      {
        text: shell.theme,
        items: [
          { itemType: "checkbox", id: "system", text: shell.themeSystem, checked: theme === "system" },
          { itemType: "checkbox", id: "light", text: shell.themeLight, checked: theme === "light" },
          { itemType: "checkbox", id: "dark", text: shell.themeDark, checked: theme === "dark" },
        ],
      },
      {
        text: shell.density,
        items: [
          {
            itemType: "checkbox",
            id: "comfortable",
            text: shell.densityComfortable,
            checked: density === "comfortable",
          },
          { itemType: "checkbox", id: "compact", text: shell.densityCompact, checked: density === "compact" },
        ],
      },
    ],
    onItemClick: ({ detail: { id } }) => {
      if (id === "system" || id === "light" || id === "dark") choose({ theme: id });
      if (id === "comfortable" || id === "compact") choose({ density: id });
    },
  };
  const person: TopNavigationProps.Utility = {
    type: "menu-dropdown",
    text: session.userName,
    iconName: "user-profile",
    description: `${shell.accountId(session.accountId)} · ${shell.version(session.info.version)}`,
    items: [
      ...(session.signIn === "password" ? [{ id: "password", text: shell.changePassword }] : []),
      { id: "sign-out", text: shell.signOut },
    ],
    onItemClick: ({ detail: { id } }) => {
      if (id === "password") setChanging(true);
      if (id === "sign-out") void signOut();
    },
  };

  return (
    <>
      <div id="top" className="tg-top">
        <TopNavigation
          identity={{ href: "#/", title: shell.product, logo: { src: icon, alt: "" } }}
          utilities={[settings, region, person]}
          i18nStrings={{
            overflowMenuTriggerText: shell.more,
            overflowMenuTitleText: shell.moreTitle,
            overflowMenuDismissIconAriaLabel: shell.moreClose,
            overflowMenuBackIconAriaLabel: shell.moreBack,
          }}
        />
      </div>
      {changing ? <ChangePassword userName={session.userName} onClose={() => setChanging(false)} /> : null}
    </>
  );
}
