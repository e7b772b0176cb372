// The help panel of the flows pages.
import type { HelpContent } from "../shell/chrome";
import { flow, flows, runs } from "../strings/flows";

export const flowsHelp: HelpContent = {
  title: flows.help.title,
  body: (
    <>
      <p>{flows.help.intro}</p>
      <h3>{flows.help.statusHeading}</h3>
      <ul>
        {flows.help.statuses.map((status) => (
          <li key={status}>{status}</li>
        ))}
      </ul>
      <h3>{flows.help.deleteHeading}</h3>
      <p>{flows.help.delete}</p>
    </>
  ),
};

export const flowHelp: HelpContent = {
  title: flow.help.title,
  body: (
    <>
      <p>{flow.help.intro}</p>
      <h3>{flow.tabs.fields}</h3>
      <p>{flow.help.fields}</p>
      <h3>{flow.tabs.filters}</h3>
      <p>{flow.help.filters}</p>
      <h3>{runs.title}</h3>
      <p>{runs.help}</p>
    </>
  ),
};
