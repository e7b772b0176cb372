// The pages below `#/flows`.
import { Page } from "../shell/Page";
import { flows as strings } from "../strings/flows";

export default function Flows() {
  return (
    <Page title={strings.title} breadcrumbs={[]}>
      {null}
    </Page>
  );
}
