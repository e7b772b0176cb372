// Which page an address shows.
import { lazy, Suspense, useEffect } from "react";
import { useSession } from "./api/session";
import { currentRoute, href, navigate, useRoute } from "./router";
import { Frame } from "./shell/Frame";
import { LoadingPage } from "./shell/LoadingPage";
import { NotFound } from "./shell/NotFound";
import { takeReturn } from "./shell/return-link";
import { SignIn } from "./shell/SignIn";
import { Unreachable } from "./shell/Unreachable";

const Connections = lazy(() => import("./connections"));
const Connectors = lazy(() => import("./connectors"));
const Flows = lazy(() => import("./flows"));

export function App() {
  const session = useSession();
  switch (session.status) {
    case "starting":
      return <LoadingPage />;
    case "unreachable":
      return <Unreachable message={session.message} />;
    case "signedOut":
      return <SignIn info={session.info} reason={session.reason} />;
    case "signedIn":
      // Keyed by the person: nothing that one saw stays on the page of the next.
      return <Frame key={session.userName} session={session} content={content} />;
  }
}

function isHome(page: string | undefined): boolean {
  return page === undefined || page === "sign-in";
}

function Content() {
  const { segments } = useRoute();
  const page = segments[0];
  const atHome = isHome(page);
  useEffect(() => {
    // React may run an effect twice; the return link is there only once.
    if (atHome && isHome(currentRoute().segments[0])) navigate(takeReturn() ?? href("connections"), { replace: true });
  }, [atHome]);
  if (atHome) return null;
  switch (page) {
    case "connections":
      return <Connections />;
    case "connectors":
      return <Connectors />;
    case "flows":
      return <Flows />;
    default:
      return <NotFound />;
  }
}

// One element for good: a new one would draw the page again whenever the frame changes.
const content = (
  <Suspense fallback={<LoadingPage />}>
    <Content />
  </Suspense>
);
