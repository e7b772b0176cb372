// The page for an address that has none.
import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { href } from "../router";
import { shell } from "../strings/shell";
import { Page } from "./Page";

export function NotFound() {
  return (
    <Page title={shell.notFoundTitle} breadcrumbs={[]}>
      <SpaceBetween size="s">
        <Box variant="p">{shell.notFoundText}</Box>
        <Link href={href("connections")}>{shell.notFoundAction}</Link>
      </SpaceBetween>
    </Page>
  );
}
