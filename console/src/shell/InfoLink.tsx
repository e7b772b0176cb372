// The small "Info" link beside a heading or a label; it opens the help panel.
import Link from "@cloudscape-design/components/link";
import { common } from "../strings/common";
import { shell } from "../strings/shell";
import { type HelpContent, openHelp } from "./chrome";

export function InfoLink({ help }: { help: HelpContent }) {
  return (
    <Link variant="info" ariaLabel={shell.infoLabel(help.title)} onFollow={() => openHelp(help)}>
      {common.info}
    </Link>
  );
}
