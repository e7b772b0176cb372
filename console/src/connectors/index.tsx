// The pages below `#/connectors`.
import { Page } from "../shell/Page";
import { connectors as strings } from "../strings/connectors";

export default function Connectors() {
  return (
    <Page title={strings.title} breadcrumbs={[]}>
      {null}
    </Page>
  );
}
