// What a connection needs, field by field.
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import type { ConnectorForm, Member } from "../form/types";
import { formatCount } from "../format";
import { connector as strings } from "../strings/connectors";
import { boundsOf } from "./capabilities";
import { Lines } from "./Lines";

export function MembersBox({ form }: { form: ConnectorForm }) {
  const messages = [...new Set(form.rules.map((rule) => rule.message))];
  return (
    <Container header={<Header variant="h2">{strings.fields}</Header>}>
      <SpaceBetween size="l">
        <Members
          title={strings.properties}
          description={strings.propertiesDescription}
          empty={strings.noProperties}
          members={form.properties}
        />
        <Members
          title={strings.credentials}
          description={strings.credentialsDescription}
          empty={strings.noCredentials}
          members={form.credentials}
        />
        {messages.length === 0 ? null : (
          <ExpandableSection headerText={strings.rules(messages.length)}>
            <ul>
              {messages.map((message) => (
                <li key={message}>{message}</li>
              ))}
            </ul>
          </ExpandableSection>
        )}
      </SpaceBetween>
    </Container>
  );
}

interface MembersProps {
  title: string;
  description: string;
  empty: string;
  members: readonly Member[];
}

function Members({ title, description, empty, members }: MembersProps) {
  return (
    <Table<Member>
      variant="embedded"
      wrapLines
      enableKeyboardNavigation
      header={
        <Header variant="h3" description={description} counter={`(${members.length})`}>
          {title}
        </Header>
      }
      items={members}
      trackBy="path"
      columnDefinitions={COLUMNS}
      empty={<Box color="text-body-secondary">{empty}</Box>}
    />
  );
}

const COLUMNS = [
  { id: "label", header: strings.field, isRowHeader: true, width: 200, cell: (member: Member) => member.label },
  {
    id: "path",
    header: strings.fieldPath,
    width: 240,
    cell: (member: Member) => <Box variant="code">{member.path}</Box>,
  },
  {
    id: "required",
    header: strings.needed,
    width: 130,
    cell: needed,
  },
  { id: "values", header: strings.values, width: 180, cell: (member: Member) => <Lines items={values(member)} /> },
  {
    id: "about",
    header: strings.about,
    minWidth: 260,
    cell: (member: Member) => (
      <SpaceBetween size="xxs">
        <span>{member.help}</span>
        {member.secret || member.destination || member.oauth ? (
          <SpaceBetween direction="horizontal" size="xxs">
            {member.secret ? <Badge color="red">{strings.secret}</Badge> : null}
            {member.destination ? <Badge color="blue">{strings.destination}</Badge> : null}
            {member.oauth ? <Badge>{strings.oauth}</Badge> : null}
          </SpaceBetween>
        ) : null}
      </SpaceBetween>
    ),
  },
];

/** A member of a group, such as one way to log in, is needed only where the group is used. */
function needed(member: Member): string {
  if (!member.required) return strings.optional;
  return member.path.includes(".") ? strings.requiredInGroup : strings.required;
}

/** What may be entered, in words. */
function values(member: Member): string[] {
  if (member.options.length > 0) return [strings.oneOf(member.options.join(", "))];
  const lines = [strings.kinds[member.kind] ?? member.kind];
  const { range, characters } = boundsOf(member);
  const keys = member.keys ?? [];
  if (keys.length > 0) lines.push(strings.knownKeys(keys.map((known) => known.key).join(", ")));
  if (range !== undefined) lines.push(rangeText(range));
  if (characters !== undefined) lines.push(strings.upTo(formatCount(characters)));
  return lines;
}

function rangeText([minimum, maximum]: [number | undefined, number | undefined]): string {
  if (minimum === undefined) return strings.atMost(formatCount(maximum));
  if (maximum === undefined) return strings.atLeast(formatCount(minimum));
  return strings.from(formatCount(minimum), formatCount(maximum));
}
