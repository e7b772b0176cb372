// The help panel of the connectors pages.
import type { HelpContent } from "../shell/chrome";
import { connector, connectors } from "../strings/connectors";

export const catalogueHelp: HelpContent = {
  title: connectors.help.title,
  body: (
    <>
      <p>{connectors.help.intro}</p>
      <h3>{connectors.help.labelHeading}</h3>
      <p>{connectors.help.labelText}</p>
      <h3>{connectors.help.nextHeading}</h3>
      <p>{connectors.help.next}</p>
    </>
  ),
};

export const connectorHelp: HelpContent = {
  title: connector.help.title,
  body: (
    <>
      <p>{connector.help.intro}</p>
      <h3>{connector.help.secretHeading}</h3>
      <p>{connector.help.secret}</p>
      <h3>{connector.help.destinationHeading}</h3>
      <p>{connector.help.destination}</p>
    </>
  ),
};
