// The properties of a connection.
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Sections } from "../form/layout";
import type { ConnectorForm } from "../form/types";
import { editor as strings } from "../strings/connections";
import { FieldList, FoldedFields } from "./FieldList";
import type { ConnectionFormState } from "./useConnectionForm";

interface SettingsSectionProps {
  readonly form: ConnectorForm;
  readonly sections: Sections;
  readonly state: ConnectionFormState;
}

export function SettingsSection({ form, sections, state }: SettingsSectionProps) {
  if (sections.settings.length + sections.moreSettings.length === 0) return null;
  return (
    <Container header={<Header variant="h2">{strings.settings}</Header>}>
      <SpaceBetween size="l">
        <FieldList form={form} fields={sections.settings} state={state} />
        {sections.moreSettings.length === 0 ? null : (
          <FoldedFields header={strings.moreSettings} form={form} fields={sections.moreSettings} state={state} />
        )}
      </SpaceBetween>
    </Container>
  );
}
