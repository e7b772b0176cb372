// The form of a connection, drawn from its connector's description.
import "./connections.css";
import Alert, { type AlertProps } from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Form from "@cloudscape-design/components/form";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { apiBase } from "../api/http";
import { errorText } from "../api/client";
import { useSession } from "../api/session";
import { NAME, placeError } from "../form/errors";
import { sectionsOf } from "../form/layout";
import type { ConnectorForm } from "../form/types";
import { href } from "../router";
import { useNotifications } from "../shell/notifications";
import { authorization as words, editor as strings } from "../strings/connections";
import { AuthenticationSection } from "./AuthenticationSection";
import { begin, blockingFields, fingerprintOf } from "./authorize";
import { viewHref } from "./columns";
import type { Purpose } from "./draft";
import { DetailsSection } from "./DetailsSection";
import { focusField } from "./focus";
import type { Profile } from "./profile";
import { SettingsSection } from "./SettingsSection";
import { submit } from "./submit";
import { useAuthorization } from "./useAuthorization";
import { type Carried, useConnectionForm } from "./useConnectionForm";
import { useLeaveGuard } from "./useLeaveGuard";

interface ConnectionFormProps {
  readonly purpose: Purpose;
  readonly form: ConnectorForm;
  readonly source: Profile | undefined;
  /** What stands before the form's own sections. */
  readonly before: ReactNode;
  readonly carried: Carried;
}

export function ConnectionForm({ purpose, form, source, before, carried }: ConnectionFormProps) {
  const state = useConnectionForm(purpose, form, source, carried);
  const notifications = useNotifications();
  const [isSending, setSending] = useState(false);
  const [focus, setFocus] = useState<{ readonly path: string | undefined }>();
  const alert = useRef<AlertProps.Ref>(null);
  const guard = useLeaveGuard(state.isDirty);
  const authorization = useFormAuthorization(state, form);
  const sections = sectionsOf(form, state.layout, state.visible);

  // Runs after the problems are drawn, so that the field to go to is there.
  useEffect(() => {
    if (focus === undefined) return;
    if (focus.path === undefined || !focusField(focus.path)) alert.current?.focus();
  }, [focus]);

  const order = [NAME, ...Object.values(sections).flat().map((field) => field.path)];
  const firstOf = (paths: Iterable<string>): string | undefined => {
    const set = new Set(paths);
    return order.find((path) => set.has(path)) ?? set.values().next().value;
  };

  const send = async () => {
    if (isSending) return;
    state.markSubmitted();
    state.setAnswered(undefined);
    const paths = [...(state.nameProblem === undefined ? [] : [NAME]), ...state.problems.fields.keys()];
    if (paths.length > 0 || state.problems.whole.length > 0) {
      setFocus({ path: firstOf(paths) });
      return;
    }
    const codePath = form.authorization?.authCodePath;
    if (codePath !== undefined && authorization.isUnderWay) {
      state.setAnswered({ fields: new Map([[codePath, words.unfinished]]), whole: [] });
      setFocus({ path: codePath });
      return;
    }
    setSending(true);
    try {
      await submit(purpose, state.name, state.draft, source?.name);
      const link = { text: strings.viewIt, href: viewHref(state.name) };
      guard.leave(viewHref(state.name));
      if (purpose === "edit") notifications.success(strings.updated(state.name), link);
      else notifications.success(strings.created(state.name), link);
    } catch (error) {
      const said = errorText(error);
      const placed = placeError(form, state.visible, said);
      // A handle is good for one attempt; the server says when it has been used.
      if (/authorize again/i.test(said)) authorization.running.spend();
      state.setAnswered(placed);
      setFocus({ path: placed.whole.length > 0 ? undefined : firstOf(placed.fields.keys()) });
      setSending(false);
    }
  };

  const whole = [...state.whole, ...(state.answered?.whole ?? [])];
  const count = [NAME, ...state.visible.map((field) => field.path)].filter(
    (path) => state.problemAt(path) !== undefined,
  ).length;
  const isMarked = state.answered !== undefined || focus !== undefined;

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button formAction="none" variant="link" href={source === undefined ? href("connections") : viewHref(source.name)}>
              {strings.cancel}
            </Button>
            <Button variant="primary" loading={isSending} loadingText={strings.sending}>
              {purpose === "edit" ? strings.editButton : purpose === "copy" ? strings.copyButton : strings.createButton}
            </Button>
          </SpaceBetween>
        }
      >
        <div role="alert" className="connections-alert">
          {whole.length > 0 ? (
            <Alert ref={alert} type="error" header={strings.serverSays}>
              {whole.map((text) => (
                <div key={text}>{text}</div>
              ))}
            </Alert>
          ) : isMarked && count > 0 ? (
            <Alert ref={alert} type="error" header={strings.problems(count)}>
              {strings.problemsText}
            </Alert>
          ) : null}
        </div>
        <SpaceBetween size="l">
          {before}
          <DetailsSection purpose={purpose} state={state} />
          <SettingsSection form={form} sections={sections} state={state} />
          <AuthenticationSection
            form={form}
            purpose={purpose}
            sections={sections}
            state={state}
            authorization={authorization}
          />
        </SpaceBetween>
      </Form>
      {guard.modal}
    </form>
  );
}

/** The authorization in a pop-up, tied to the form's values. */
function useFormAuthorization(state: ReturnType<typeof useConnectionForm>, form: ConnectorForm) {
  const session = useSession();
  const { authorization } = form;
  const redirectPath = session.status === "signedIn" ? session.info.oauthRedirectPath : "oauth/callback";
  const redirectUri = new URL(redirectPath, apiBase()).href;
  const running = useAuthorization({
    fingerprint: authorization === null ? "" : fingerprintOf(authorization, state.values),
    begin: () => begin(form, state.visible, state.values, redirectUri),
    onDone: (authCode) => {
      if (authorization === null) return;
      state.change(authorization.authCodePath, authCode);
      state.change(authorization.redirectUriPath, redirectUri);
      // Tokens of before are of no use beside a new code.
      for (const path of state.stored.paths) {
        const isToken = /(^|\.)(accessToken|refreshToken)$/.test(path);
        if (isToken && (state.stored.decisions[path] ?? "new") === "new") state.decide(path, "remove");
      }
    },
    onLost: () => {
      if (authorization === null) return;
      state.change(authorization.authCodePath, "");
      state.change(authorization.redirectUriPath, "");
    },
  });
  const missing =
    authorization === null
      ? []
      : blockingFields(authorization, state.visible, state.values, state.problems.fields);
  const isUnderWay = running.status.step === "starting" || running.status.step === "waiting";
  const forget = () => {
    if (authorization !== null) state.forget(authorization.authCodePath);
  };
  return {
    running: {
      ...running,
      start: () => {
        forget();
        // Each field says what is wrong with it; no window opens until all of them are good.
        for (const field of missing) state.touch(field.path);
        if (missing.length === 0) running.start();
      },
      cancel: () => {
        forget();
        running.cancel();
      },
    },
    isUnderWay,
    missing: missing.map((field) => field.member.label),
    redirectUri,
  };
}

export type FormAuthorization = ReturnType<typeof useFormAuthorization>;
