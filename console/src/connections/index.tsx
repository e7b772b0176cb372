// The pages below `#/connections`.
import { Page } from "../shell/Page";
import { connections as strings } from "../strings/connections";

export default function Connections() {
  return (
    <Page title={strings.title} breadcrumbs={[]}>
      {null}
    </Page>
  );
}
