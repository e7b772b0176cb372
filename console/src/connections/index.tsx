// The pages below `#/connections`. The list is loaded first; the others when they are needed.
import { lazy, Suspense } from "react";
import { useRoute } from "../router";
import { LoadingPage } from "../shell/LoadingPage";
import { NotFound } from "../shell/NotFound";
import ListPage from "./ListPage";

export { askAhead } from "./ahead";

const DetailsPage = lazy(() => import("./DetailsPage"));
const FormPage = lazy(() => import("./FormPage"));

export default function Connections() {
  const { segments } = useRoute();
  // Until the next page is loaded this one stays mounted, and its address is no longer its own.
  if (segments[0] !== "connections") return null;
  const [, action, name] = segments;
  if (segments.length > 3) return <NotFound />;
  if (action === undefined) return <ListPage />;
  return <Suspense fallback={<LoadingPage />}>{pageFor(action, name)}</Suspense>;
}

/** Keyed by the connection: nothing of one stays on the page of another. */
function pageFor(action: string, name: string | undefined) {
  if (action === "create" && name === undefined) return <FormPage key="create" purpose="create" />;
  if (name === undefined) return <NotFound />;
  switch (action) {
    case "view":
      return <DetailsPage key={name} name={name} />;
    case "edit":
    case "copy":
      return <FormPage key={`${action} ${name}`} purpose={action} source={name} />;
    default:
      return <NotFound />;
  }
}
