// What the help panel says on these pages.
import type { HelpContent } from "../shell/chrome";
import { help } from "../strings/connections";

interface Words {
  readonly title: string;
  readonly intro: string;
  readonly terms: readonly (readonly [string, string])[];
}

function content({ title, intro, terms }: Words): HelpContent {
  return {
    title,
    body: (
      <>
        <p>{intro}</p>
        <dl>
          {terms.map(([term, meaning]) => [<dt key={term}>{term}</dt>, <dd key={`${term}.`}>{meaning}</dd>])}
        </dl>
      </>
    ),
  };
}

export const listHelp = content(help.list);
export const detailsHelp = content(help.details);
export const formHelp = content(help.form);
