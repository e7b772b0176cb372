// One connector: all that it offers, and what a connection of it needs.
import type { ConnectorConfiguration } from "@aws-sdk/client-appflow";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import Popover from "@cloudscape-design/components/popover";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { isMissing } from "../api/errors";
import type { ConnectorForm } from "../form/types";
import { formatCount, formatTime } from "../format";
import { href } from "../router";
import { Failure } from "../shell/Failure";
import { Missing } from "../shell/Missing";
import { Page } from "../shell/Page";
import { common } from "../strings/common";
import { connector as strings, connectors, limitTexts } from "../strings/connectors";
import { AuthenticationBox } from "./AuthenticationBox";
import { limitsOf, NUMBERS } from "./capabilities";
import { FlowsBox } from "./FlowsBox";
import { connectorHelp } from "./help";
import { connectionsHref, createConnectionHref } from "./links";
import { MembersBox } from "./MembersBox";
import { useConnector } from "./useConnector";

interface ConnectorPageProps {
  type: string;
  label: string | undefined;
}

export function ConnectorPage({ type, label }: ConnectorPageProps) {
  const { config, form, error, formError, retry } = useConnector(type, label);
  const missing = isMissing(error);
  const hasConnections = !missing && (form?.hasProfile ?? false);
  return (
    <Page
      title={missing ? strings.notFoundTitle : config?.connectorName || label || type}
      description={config?.connectorDescription}
      breadcrumbs={[{ text: connectors.title, href: href("connectors") }]}
      help={connectorHelp}
      actions={
        hasConnections ? (
          <SpaceBetween direction="horizontal" size="xs">
            <Button href={connectionsHref(type, label)}>{strings.viewConnections}</Button>
            <Button variant="primary" href={createConnectionHref(type, label)}>
              {strings.createConnection}
            </Button>
          </SpaceBetween>
        ) : undefined
      }
    >
      {missing ? (
        <Missing
          title={strings.notFoundTitle}
          text={strings.notFoundText(label ?? type)}
          back={{ text: strings.all, href: href("connectors") }}
        />
      ) : error !== undefined ? (
        <SpaceBetween size="m">
          <Failure error={error} header={strings.loadFailed} retry={retry} />
          <Button href={href("connectors")}>{strings.all}</Button>
        </SpaceBetween>
      ) : config === undefined ? (
        <Box textAlign="center" padding="xxl">
          <span role="status" aria-label={strings.loading}>
            <Spinner size="large" />
          </span>
        </Box>
      ) : (
        <SpaceBetween size="l">
          <Overview config={config} form={form} />
          <AuthenticationBox config={config} form={form} />
          {formError === undefined ? null : <Failure error={formError} header={strings.formFailed} retry={retry} />}
          {form === undefined || !form.hasProfile ? null : <MembersBox form={form} />}
          <FlowsBox config={config} />
          {form === undefined ? null : <LimitsBox form={form} />}
        </SpaceBetween>
      )}
    </Page>
  );
}

function Overview({ config, form }: { config: ConnectorConfiguration; form: ConnectorForm | undefined }) {
  const label = config.connectorLabel ?? form?.connectorLabel;
  const uses = [
    config.canUseAsSource ? connectors.source : undefined,
    config.canUseAsDestination ? connectors.destination : undefined,
  ].filter((use) => use !== undefined);
  const items: KeyValuePairsProps.Pair[] = [
    { label: strings.type, value: <Box variant="code">{config.connectorType}</Box> },
  ];
  if (label !== undefined && label !== "") items.push({ label: strings.label, value: labelValue(label, form) });
  items.push({ label: strings.use, value: uses.join(", ") || common.none });
  if (form?.hasProfile ?? false) {
    items.push({
      label: strings.modes,
      value: config.isPrivateLinkEnabled ? `${strings.modePublic}, ${strings.modePrivate}` : strings.modePublic,
    });
  }
  if (config.isPrivateLinkEndpointUrlRequired) {
    items.push({ label: strings.privateMode, value: strings.privateLinkName });
  }
  items.push({ label: strings.owner, value: config.connectorOwner || common.none });
  items.push({ label: strings.version, value: config.connectorVersion || common.none });
  if (config.connectorProvisioningType !== undefined) {
    items.push({ label: strings.provisioning, value: config.connectorProvisioningType });
  }
  if (config.registeredAt !== undefined) {
    items.push({ label: strings.registered, value: when(config.registeredAt, config.registeredBy) });
  }
  if (config.connectorArn !== undefined) items.push({ label: strings.arn, value: config.connectorArn });
  return (
    <Container header={<Header variant="h2">{strings.overview}</Header>}>
      <KeyValuePairs columns={4} items={items} />
    </Container>
  );
}

function when(time: Date, who: string | undefined): string {
  return who === undefined ? formatTime(time) : `${formatTime(time)} ${strings.by(who)}`;
}

function labelValue(label: string, form: ConnectorForm | undefined) {
  return (
    <SpaceBetween size="xxs">
      <Box variant="code">{label}</Box>
      {form?.labelIsKnown === undefined ? null : form.labelIsKnown ? (
        <StatusIndicator type="success">{strings.labelKnown}</StatusIndicator>
      ) : (
        <Popover content={strings.labelUnknownHelp} triggerType="text" dismissButton={false}>
          <StatusIndicator type="warning">{strings.labelUnknown}</StatusIndicator>
        </Popover>
      )}
    </SpaceBetween>
  );
}

function LimitsBox({ form }: { form: ConnectorForm }) {
  const limits = limitsOf(form.limits);
  const lines: string[] = [];
  for (const name of NUMBERS) {
    const number = limits[name];
    if (number !== undefined) lines.push(limitTexts[name](formatCount(number)));
  }
  lines.push(...limits.notes);
  return (
    <Container header={<Header variant="h2">{strings.limits}</Header>}>
      {lines.length === 0 ? (
        <Box color="text-body-secondary">{strings.noLimits}</Box>
      ) : (
        <ul>
          {lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </Container>
  );
}
