// How a connection logs in: the way, its fields, the authorization, and stored values.
import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { nameOf, within } from "../form/document";
import { storedOf } from "../form/keep";
import { chosen, isOfPopUp, type Sections } from "../form/layout";
import type { ConnectorForm } from "../form/types";
import { anyOf } from "../form/validate";
import { authorization as authorizationWords, editor as strings, stored as words } from "../strings/connections";
import { isByCode } from "./authorize";
import { AuthorizePanel } from "./AuthorizePanel";
import type { FormAuthorization } from "./ConnectionForm";
import type { Purpose } from "./draft";
import { FieldList, FoldedFields } from "./FieldList";
import { KeepAll } from "./FieldView";
import type { ConnectionFormState } from "./useConnectionForm";

interface AuthenticationSectionProps {
  readonly form: ConnectorForm;
  readonly purpose: Purpose;
  readonly sections: Sections;
  readonly state: ConnectionFormState;
  readonly authorization: FormAuthorization;
}

export function AuthenticationSection(props: AuthenticationSectionProps) {
  const { form, sections, state } = props;
  if (sections.authentication.length + sections.moreAuthentication.length === 0) return null;
  return (
    <Container header={<Header variant="h2">{strings.authentication}</Header>}>
      <SpaceBetween size="l">
        <StoredNotice {...props} />
        <WayChoice {...props} />
        <OneOfThese {...props} />
        <FieldList form={form} fields={sections.authentication} state={state} />
        <Authorize {...props} />
        {sections.moreAuthentication.length === 0 ? null : (
          <FoldedFields
            header={strings.moreAuthentication}
            description={strings.moreAuthenticationDescription}
            form={form}
            fields={sections.moreAuthentication}
            state={state}
          />
        )}
      </SpaceBetween>
    </Container>
  );
}

/** What the page knows of stored values, and that it keeps none by itself. */
function StoredNotice({ purpose, form, state }: AuthenticationSectionProps) {
  const { stored, moved, dropped } = state;
  if (purpose === "create" || stored.paths.length === 0) return null;
  const count = state.visible.flatMap((field) => storedOf(field, stored)).length;
  const labels = dropped.map(
    (path) => form.credentials.find((member) => within(path, member.path))?.label ?? nameOf(path),
  );
  return (
    <SpaceBetween size="s">
      {stored.locked ? (
        <Alert type="warning" header={words.title}>
          {words.locked(moved.join(", "))}
        </Alert>
      ) : count === 0 ? null : (
        <Alert
          type="info"
          header={words.title}
          action={<KeepAll isCopy={stored.isCopy} disabled={false} onKeep={state.keepAll} />}
        >
          {stored.isCopy ? words.copyText : words.editText}
        </Alert>
      )}
      {purpose === "edit" && labels.length > 0 ? (
        <Alert type="warning">{words.dropped([...new Set(labels)].join(", "))}</Alert>
      ) : null}
    </SpaceBetween>
  );
}

/** The choice between ways of logging in. */
function WayChoice({ state }: AuthenticationSectionProps) {
  const { choice } = state.layout;
  const offered = choice?.alternatives.filter((one) => one.isOffered) ?? [];
  // Where only one is left, it is shown: it says what the connector takes.
  if (choice === undefined || offered.length === 0) return null;
  return (
    <FormField label={strings.way} stretch>
      <Tiles
        columns={offered.length > 2 ? 4 : 2}
        value={chosen(choice, state.draft.selection) ?? null}
        onChange={({ detail }) => state.choose(detail.value)}
        items={offered.map(({ key }) => ({ value: key, label: strings.ways[nameOf(key)] ?? nameOf(key) }))}
      />
    </FormField>
  );
}

/** Says of which fields at least one is needed, where a rule asks for that. */
function OneOfThese({ form, state }: AuthenticationSectionProps) {
  const groups = anyOf(state.draft).filter((paths) => paths.every((path) => path.startsWith("credentials.")));
  return groups.map((paths) => {
    const labels = paths.flatMap((path) => {
      const field = state.visible.find((one) => one.path === path);
      if (field === undefined) return [];
      return [isOfPopUp(form, field) ? authorizationWords.title : field.member.label];
    });
    return labels.length < 2 ? null : (
      <Alert key={paths.join()} type="info">
        {strings.anyOf(labels.join(", "))}
      </Alert>
    );
  });
}

function Authorize({ form, state, authorization }: AuthenticationSectionProps) {
  const path = form.authorization?.authCodePath;
  if (path === undefined || !isByCode(state.visible, state.values)) return null;
  if (!state.visible.some((field) => field.path === path)) return null;
  return (
    <AuthorizePanel
      connectorName={form.connectorName}
      redirectUri={authorization.redirectUri}
      missing={authorization.missing}
      running={authorization.running}
      path={path}
      error={state.problemAt(path)}
    />
  );
}
