// Starts the console.
import "@cloudscape-design/global-styles/index.css";
import "./shell/shell.css";
import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { session } from "./api/session";
import { App, HOME } from "./App";
import { pageFor } from "./pages";
import { currentRoute } from "./router";
import { startAppearance } from "./shell/appearance";
import { notifications } from "./shell/notifications";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element #root");

startAppearance();

// An error that no page took care of is better told than lost.
window.addEventListener("unhandledrejection", (event) => notifications.error(event.reason));

// The page's script comes while the server says who is signed in, and its data before it is drawn.
const first = pageFor(currentRoute().segments[0] ?? HOME);
session.beforeFirstPage = first?.askAhead;
void first?.load();
void session.start();

createRoot(root).render(
  <StrictMode>
    <I18nProvider locale="en" messages={[messages]}>
      <App />
    </I18nProvider>
  </StrictMode>,
);
