// Which page an address shows.
import { Suspense, useEffect } from "react";
import { useSession } from "./api/session";
import { loadPagesWhenIdle, pageFor } from "./pages";
import { currentRoute, href, navigate, useRoute } from "./router";
import { Frame } from "./shell/Frame";
import { LoadingPage } from "./shell/LoadingPage";
import { NotFound } from "./shell/NotFound";
import { takeReturn } from "./shell/return-link";
import { SignIn } from "./shell/SignIn";
import { Unreachable } from "./shell/Unreachable";

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

/** The page that stands for the bare address. */
export const HOME = "connections";

function isHome(segment: string | undefined): boolean {
  return segment === undefined || segment === "sign-in";
}

function Content() {
  const segment = useRoute().segments[0];
  const atHome = isHome(segment);
  useEffect(() => {
    // React may run an effect twice; the return link is there only once.
    if (atHome && isHome(currentRoute().segments[0])) navigate(takeReturn() ?? href(HOME), { replace: true });
  }, [atHome]);
  useEffect(loadPagesWhenIdle, []);
  if (atHome) return null;
  const page = pageFor(segment ?? "");
  return page === undefined ? <NotFound /> : <page.Page key={segment} />;
}

// One element for good: a new one would draw the page again whenever the frame changes.
const content = (
  <Suspense fallback={<LoadingPage />}>
    <Content />
  </Suspense>
);
