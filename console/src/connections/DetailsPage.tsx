// The details of one connection.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useCallback, useEffect, useRef, useState } from "react";
import { errorText } from "../api/client";
import { isMissing } from "../api/errors";
import { fieldsOf, valuesOf } from "../form/values";
import { formatTime } from "../format";
import { href, navigate, useRoute } from "../router";
import { Failure } from "../shell/Failure";
import { useNotifications } from "../shell/notifications";
import { Page } from "../shell/Page";
import { common } from "../strings/common";
import { connections as words, deletion, details as strings } from "../strings/connections";
import { loadConnectors, nameOfConnector } from "./connectors";
import { CredentialsTable } from "./CredentialsTable";
import { DeleteModal } from "./DeleteModal";
import { HealthStatus } from "./HealthStatus";
import { detailsHelp } from "./help";
import { NoConnection } from "./empty";
import { loadProfile, loadSummary, type Profile } from "./profile";
import { shownValue } from "./shown";
import { UsageTable } from "./UsageTable";
import { useLoad } from "../api/useLoad";
import { useTest } from "./useTest";

const breadcrumbs = [{ text: words.title, href: href("connections") }];

export default function DetailsPage({ name }: { readonly name: string }) {
  const profile = useLoad(name, (signal) => loadProfile(name, signal));
  const { query } = useRoute();
  const notifications = useNotifications();
  const [isDeleteOpen, setDeleteOpen] = useState(false);
  const type = profile.data?.connectorType;
  const summary = useLoad(type === undefined ? undefined : `${type} ${name}`, (signal) =>
    loadSummary({ name, connectorType: type ?? "" }, signal),
  );
  const reloadSummary = summary.reload;
  const { testing, test } = useTest(reloadSummary);
  const isTesting = testing.has(name);
  const usage = useRef<HTMLDivElement>(null);
  const wantsUsage = query.get("show") === "usage" && profile.data !== undefined;
  useEffect(() => {
    if (wantsUsage) usage.current?.scrollIntoView();
  }, [wantsUsage]);
  const reload = useCallback(() => {
    profile.reload();
    reloadSummary();
  }, [profile.reload, reloadSummary]);

  const isKnown = profile.data !== undefined;
  const isGone = !isKnown && !profile.loading && (profile.error === undefined || isMissing(profile.error));
  return (
    <Page
      title={isGone ? words.notFound.title : name}
      breadcrumbs={breadcrumbs}
      help={detailsHelp}
      actions={
        isKnown ? (
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="refresh" ariaLabel={words.refreshDetails} loading={profile.loading} onClick={reload} />
            <Button onClick={() => navigate(href("connections", "edit", name))}>{common.edit}</Button>
            <Button onClick={() => navigate(href("connections", "copy", name))}>{words.copy}</Button>
            <Button onClick={() => setDeleteOpen(true)}>{common.delete}</Button>
          </SpaceBetween>
        ) : undefined
      }
    >
      {profile.data !== undefined ? (
        <SpaceBetween size="l">
          <Overview profile={profile.data} />
          <Container
            header={
              <Header
                variant="h2"
                actions={
                  <Button loading={isTesting} loadingText={words.testing} onClick={() => void test(name)}>
                    {words.test}
                  </Button>
                }
              >
                {strings.healthTitle}
              </Header>
            }
          >
            <Health summary={summary} isTesting={isTesting} />
          </Container>
          <Settings profile={profile.data} />
          <CredentialsTable profile={profile.data} />
          <div ref={usage}>
            <UsageTable name={name} />
          </div>
          <DeleteModal
            name={name}
            visible={isDeleteOpen}
            onDismiss={() => setDeleteOpen(false)}
            onDeleted={() => {
              navigate(href("connections"));
              notifications.success(deletion.done(name));
            }}
          />
        </SpaceBetween>
      ) : (
        <Absent name={name} profile={profile} />
      )}
    </Page>
  );
}

function Absent({ name, profile }: { readonly name: string; readonly profile: ReturnType<typeof useLoad<Profile | undefined>> }) {
  if (profile.loading) {
    return (
      <Container>
        <StatusIndicator type="loading">{strings.loading}</StatusIndicator>
      </Container>
    );
  }
  if (profile.error !== undefined && !isMissing(profile.error)) {
    return <Failure error={profile.error} header={strings.failed} retry={profile.reload} />;
  }
  return <NoConnection name={name} />;
}

function Overview({ profile }: { readonly profile: Profile }) {
  const connectors = useLoad("all", () => loadConnectors());
  const type = nameOfConnector(connectors.data ?? [], profile.connectorType, profile.connectorLabel);
  return (
    <Container header={<Header variant="h2">{strings.overview}</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          { label: strings.name, value: profile.name },
          { label: strings.connector, value: type },
          ...(profile.connectorLabel === undefined ? [] : [{ label: strings.label, value: profile.connectorLabel }]),
          {
            label: strings.arn,
            value: (
              <CopyToClipboard
                variant="inline"
                textToCopy={profile.arn}
                copyButtonAriaLabel={strings.copyArn}
                copySuccessText={strings.arnCopied}
                copyErrorText={strings.arnNotCopied}
              />
            ),
          },
          { label: strings.mode, value: words.modes[profile.isPrivate ? "Private" : "Public"] },
          { label: strings.created, value: formatTime(profile.createdAt) },
          { label: strings.updated, value: formatTime(profile.lastUpdatedAt) },
        ]}
      />
    </Container>
  );
}

interface HealthProps {
  readonly summary: ReturnType<typeof useLoad<Awaited<ReturnType<typeof loadSummary>>>>;
  readonly isTesting: boolean;
}

function Health({ summary, isTesting }: HealthProps) {
  const health = summary.data?.health ?? null;
  if (summary.data === undefined) {
    if (summary.error !== undefined) return <Alert type="error">{errorText(summary.error)}</Alert>;
    if (summary.loading) return <StatusIndicator type="loading">{common.loading}</StatusIndicator>;
  }
  return (
    <ColumnLayout columns={1}>
      <div aria-live="polite">
        <KeyValuePairs
          columns={3}
          items={[
            { label: strings.health, value: <HealthStatus health={health} testing={isTesting} plain /> },
            { label: strings.lastTested, value: health === null ? strings.never : formatTime(health.checkedAt) },
            {
              label: strings.lastMessage,
              value: health === null || health.message === "" ? common.none : health.message,
            },
          ]}
        />
      </div>
    </ColumnLayout>
  );
}

function Settings({ profile }: { readonly profile: Profile }) {
  const fields = fieldsOf(profile.form).filter((field) => field.side === "properties");
  const values = valuesOf(fields, "properties", profile.properties);
  return (
    <Container header={<Header variant="h2">{strings.settings}</Header>}>
      {fields.length === 0 ? (
        <Box color="text-body-secondary">{strings.noSettings}</Box>
      ) : (
        <KeyValuePairs
          columns={3}
          items={fields.map((field) => ({ label: field.member.label, value: shownValue(field, values[field.path]) }))}
        />
      )}
    </Container>
  );
}
