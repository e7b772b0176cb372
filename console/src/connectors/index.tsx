// The pages below `#/connectors`.
import { useRoute } from "../router";
import { NotFound } from "../shell/NotFound";
import { Catalogue } from "./Catalogue";
import { ConnectorPage } from "./ConnectorPage";

export default function Connectors() {
  const { segments, query } = useRoute();
  // Until the next page is loaded this one stays mounted, and its address is no longer its own.
  if (segments[0] !== "connectors") return null;
  const [, type, ...rest] = segments;
  if (type === undefined) return <Catalogue />;
  if (rest.length > 0) return <NotFound />;
  const label = query.get("label") || undefined;
  // Keyed, so that nothing of one connector is shown as another's.
  return <ConnectorPage key={`${type}/${label ?? ""}`} type={type} label={label} />;
}
