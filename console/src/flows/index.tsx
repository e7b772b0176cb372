// The pages below `#/flows`.
import { useRoute } from "../router";
import { NotFound } from "../shell/NotFound";
import { FlowPage } from "./FlowPage";
import { FlowsPage } from "./FlowsPage";

export default function Flows() {
  const { segments, query } = useRoute();
  // Until the next page is loaded this one stays mounted, and its address is no longer its own.
  if (segments[0] !== "flows") return null;
  const [, action, name, ...rest] = segments;
  if (action === undefined) return <FlowsPage />;
  if (action !== "view" || name === undefined || rest.length > 0) return <NotFound />;
  // Keyed, so that nothing of one flow is shown as another's.
  return <FlowPage key={name} name={name} tab={query.get("tab") ?? undefined} />;
}
