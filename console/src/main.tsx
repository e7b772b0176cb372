// Starts the console.
import "@cloudscape-design/global-styles/index.css";
import "./shell/shell.css";
import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import {
  colorBackgroundLayoutMain,
  colorBorderItemFocused,
  colorTextBodyDefault,
} from "@cloudscape-design/design-tokens";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { session } from "./api/session";
import { App } from "./App";
import { startAppearance } from "./shell/appearance";
import { notifications } from "./shell/notifications";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element #root");

startAppearance();
// shell.css cannot name the tokens itself: their names change with every version of Cloudscape.
document.body.style.setProperty("--tidegate-background", colorBackgroundLayoutMain);
document.body.style.setProperty("--tidegate-text", colorTextBodyDefault);
document.body.style.setProperty("--tidegate-focus", colorBorderItemFocused);

// An error that no page took care of is better told than lost.
window.addEventListener("unhandledrejection", (event) => notifications.error(event.reason));

void session.start();

createRoot(root).render(
  <StrictMode>
    <I18nProvider locale="en" messages={[messages]}>
      <App />
    </I18nProvider>
  </StrictMode>,
);
