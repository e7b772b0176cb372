// The help panel's content.
import HelpPanel from "@cloudscape-design/components/help-panel";
import Link from "@cloudscape-design/components/link";
import { shell } from "../strings/shell";
import type { HelpContent } from "./chrome";

export function Help({ content }: { content: HelpContent }) {
  const { title, body, links = [] } = content;
  return (
    <HelpPanel
      header={<h2>{title}</h2>}
      footer={
        links.length === 0 ? undefined : (
          <>
            <h3>{shell.helpLinks}</h3>
            <ul>
              {links.map((link) => (
                <li key={link.href}>
                  <Link href={link.href} external={/^https?:/.test(link.href)}>
                    {link.text}
                  </Link>
                </li>
              ))}
            </ul>
          </>
        )
      }
    >
      {body}
    </HelpPanel>
  );
}
