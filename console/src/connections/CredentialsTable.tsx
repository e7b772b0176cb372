// Which credentials of a connection are set; never a value.
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { within } from "../form/document";
import { isVisible, layoutOf, initialAlternative, initialSwitches } from "../form/layout";
import { details as strings } from "../strings/connections";
import type { Profile } from "./profile";

/** One line: what it is called, and whether it is set. */
interface Line {
  readonly label: string;
  readonly isSet: boolean;
}

export function CredentialsTable({ profile }: { readonly profile: Profile }) {
  const lines = linesOf(profile);
  return (
    <Container
      header={
        <Header variant="h2" description={strings.credentialsDescription}>
          {strings.credentials}
        </Header>
      }
    >
      {lines.length === 0 ? (
        <Box color="text-body-secondary">{strings.noCredentials}</Box>
      ) : (
        <KeyValuePairs
          columns={3}
          items={lines.map(({ label, isSet }) => ({
            label,
            value: isSet ? (
              <StatusIndicator type="success">{strings.set}</StatusIndicator>
            ) : (
              <StatusIndicator type="stopped">{strings.notSet}</StatusIndicator>
            ),
          }))}
        />
      )}
    </Container>
  );
}

/** The members of the way to log in that is stored, and whatever else is set. */
export function linesOf(profile: Pick<Profile, "form" | "credentials">): readonly Line[] {
  const layout = layoutOf(profile.form);
  const alternative = initialAlternative(layout, profile.credentials);
  const values = initialSwitches(layout, profile.credentials, alternative);
  return layout.fields.flatMap((field): Line[] => {
    if (field.side !== "credentials") return [];
    const paths = profile.credentials.filter((path) => within(path, field.member.path));
    if (field.member.kind === "map") {
      return paths.map((path) => ({
        label: `${field.member.label}: ${path.slice(field.member.path.length + 1)}`,
        isSet: true,
      }));
    }
    const isSet = paths.length > 0;
    return isSet || isVisible(layout, field, { values, alternative, isPrivate: false })
      ? [{ label: field.member.label, isSet }]
      : [];
  });
}
