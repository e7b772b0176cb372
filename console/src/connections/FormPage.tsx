// The page that creates, edits or copies a connection.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { isMissing } from "../api/errors";
import { describeConnectorForm } from "../api/extensions";
import type { ConnectorForm } from "../form/types";
import { href, navigate, useRoute } from "../router";
import { Failure } from "../shell/Failure";
import { Page } from "../shell/Page";
import { connections as words, editor as strings } from "../strings/connections";
import { viewHref } from "./columns";
import { ConnectionForm } from "./ConnectionForm";
import { ConnectorSelect } from "./ConnectorSelect";
import { choiceValue, hasConnections, loadConnectors, nameOfConnector } from "./connectors";
import type { Purpose } from "./draft";
import { NoConnection } from "./empty";
import { formHelp } from "./help";
import { loadProfile, type Profile } from "./profile";
import { createHref } from "./query";
import type { Carried } from "./useConnectionForm";
import { useLoad } from "../api/useLoad";

interface FormPageProps {
  readonly purpose: Purpose;
  /** The connection that is edited or copied. */
  readonly source?: string;
}

const list = { text: words.title, href: href("connections") };

export default function FormPage({ purpose, source }: FormPageProps) {
  if (source === undefined) return <CreatePage />;
  return <SourcePage purpose={purpose} source={source} />;
}

function CreatePage() {
  const { query } = useRoute();
  const connectorType = query.get("connector") || undefined;
  const connectorLabel = query.get("label") || undefined;
  const [carried] = useState((): Carried => ({ name: "", isPrivate: false }));
  const connectors = useLoad("all", () => loadConnectors());
  const key =
    connectorType !== undefined && hasConnections(connectorType) ? choiceValue(connectorType, connectorLabel) : undefined;
  const form = useLoad(key, (signal) =>
    describeConnectorForm(
      { connectorType: connectorType ?? "", ...(connectorLabel === undefined ? {} : { connectorLabel }) },
      signal,
    ),
  );
  const name =
    connectorType === undefined ? "" : nameOfConnector(connectors.data ?? [], connectorType, connectorLabel);
  const chooser = (
    <Container header={<Header variant="h2">{strings.connector}</Header>}>
      <SpaceBetween size="m">
        <FormField label={strings.connector} description={strings.connectorDescription}>
          <ConnectorSelect
            forList={false}
            connectors={connectors}
            connectorType={connectorType}
            connectorLabel={connectorLabel}
            onChoose={(type, label) => navigate(createHref(type, label), { replace: true })}
          />
        </FormField>
        {form.data?.labelIsKnown === false ? <Alert type="info">{strings.labelUnproven}</Alert> : null}
      </SpaceBetween>
    </Container>
  );
  return (
    <Page title={strings.createTitle} breadcrumbs={[list]} help={formHelp} contentType="form">
      {form.data !== undefined && form.data.hasProfile ? (
        <ConnectionForm key={key} purpose="create" form={form.data} source={undefined} before={chooser} carried={carried} />
      ) : (
        <SpaceBetween size="l">
          {chooser}
          {connectorType === undefined ? (
            <Box color="text-body-secondary">{strings.chooseConnector}</Box>
          ) : key === undefined || form.data !== undefined ? (
            <Alert type="info">{words.withoutConnections(name)}</Alert>
          ) : isMissing(form.error) ? (
            <Alert type="warning" header={words.unknown.title}>
              {words.unknown.text(name)}
            </Alert>
          ) : (
            <Waiting form={form} />
          )}
        </SpaceBetween>
      )}
    </Page>
  );
}

function SourcePage({ purpose, source }: { readonly purpose: Purpose; readonly source: string }) {
  const profile = useLoad(source, (signal) => loadProfile(source, signal));
  const [carried] = useState((): Carried => ({ name: "", isPrivate: false }));
  const title = purpose === "edit" ? strings.editTitle(source) : strings.copyTitle(source);
  return (
    <Page
      title={title}
      breadcrumbs={[list, { text: source, href: viewHref(source) }]}
      help={formHelp}
      contentType="form"
    >
      {profile.data !== undefined ? (
        <ConnectionForm purpose={purpose} form={profile.data.form} source={profile.data} before={null} carried={carried} />
      ) : profile.loading || (profile.error !== undefined && !isMissing(profile.error)) ? (
        <Waiting form={profile} />
      ) : (
        <NoConnection name={source} />
      )}
    </Page>
  );
}

interface WaitingProps {
  readonly form: ReturnType<typeof useLoad<ConnectorForm | Profile | undefined>>;
}

function Waiting({ form }: WaitingProps) {
  if (form.error === undefined || form.loading) {
    return <StatusIndicator type="loading">{strings.loading}</StatusIndicator>;
  }
  return <Failure error={form.error} header={strings.failed} retry={form.reload} />;
}
