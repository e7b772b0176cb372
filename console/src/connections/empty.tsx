// What the table shows when it has no rows.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { href, navigate } from "../router";
import { Missing } from "../shell/Missing";
import { connections as strings } from "../strings/connections";

interface EmptyListProps {
  readonly connectorName: string | undefined;
  readonly canCreate: boolean;
  readonly createHref: string;
}

/** No connection yet: says what one is, and how to make it. */
export function EmptyList({ connectorName, canCreate, createHref }: EmptyListProps) {
  const text =
    connectorName === undefined
      ? strings.empty.text
      : canCreate
        ? `${strings.empty.forConnector(connectorName)} ${strings.empty.text}`
        : strings.withoutConnections(connectorName);
  return (
    <Box margin={{ vertical: "m" }} textAlign="center" color="inherit">
      <SpaceBetween size="m">
        <SpaceBetween size="xxs">
          <b>{strings.empty.title}</b>
          <Box variant="p" color="inherit">
            {text}
          </Box>
        </SpaceBetween>
        {canCreate ? <Button onClick={() => navigate(createHref)}>{strings.create}</Button> : null}
      </SpaceBetween>
    </Box>
  );
}

/** Nothing fits the filters. */
export function NoMatch({ onClear }: { readonly onClear: () => void }) {
  return (
    <Box margin={{ vertical: "m" }} textAlign="center" color="inherit">
      <SpaceBetween size="m">
        <SpaceBetween size="xxs">
          <b>{strings.noMatch.title}</b>
          <Box variant="p" color="inherit">
            {strings.noMatch.text}
          </Box>
        </SpaceBetween>
        <Button onClick={onClear}>{strings.clearFilters}</Button>
      </SpaceBetween>
    </Box>
  );
}

/** The list's address names a connector that there is not. */
export function UnknownConnector({ name }: { readonly name: string }) {
  return (
    <Box margin={{ vertical: "m" }} textAlign="center" color="inherit">
      <SpaceBetween size="m">
        <SpaceBetween size="xxs">
          <b>{strings.unknown.title}</b>
          <Box variant="p" color="inherit">
            <span className="tg-wrap">{strings.unknown.text(name)}</span>
          </Box>
        </SpaceBetween>
        <Button href={href("connections")}>{strings.unknown.back}</Button>
      </SpaceBetween>
    </Box>
  );
}

/** No connection has the name. */
export function NoConnection({ name }: { readonly name: string }) {
  const { title, text, back } = strings.notFound;
  return <Missing title={title} text={text(name)} back={{ text: back, href: href("connections") }} />;
}
