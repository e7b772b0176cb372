// OAuth's authorization code by way of a pop-up window.
import { beginAuthorization } from "../api/extensions";
import { nameOf, readBelow } from "../form/document";
import type { Authorization, ConnectorForm } from "../form/types";
import { documentsOf, type Field, type FieldValue, textOf, type Values } from "../form/values";

/** What the page behind the redirect URI tells. */
export interface AuthorizationMessage {
  readonly state: string;
  readonly ok: boolean;
  readonly message?: string;
}

/** How far an authorization is. */
export type AuthorizationStatus =
  | { readonly step: "none" }
  | { readonly step: "starting" }
  | { readonly step: "waiting"; readonly isClosed: boolean }
  | { readonly step: "done"; readonly fingerprint: string; readonly expiresAt: number }
  | { readonly step: "failed"; readonly reason: "blocked" | "expired" | "discarded" | "used" | "refused"; readonly message?: string };

/** The channel of the page behind the redirect URI. */
export const CHANNEL = "tidegate-authorization";

/** The paths of the fields that an authorization is begun with. */
export function neededPaths(authorization: Authorization): readonly string[] {
  return [authorization.authCodeUrlPath, authorization.tokenUrlPath, authorization.clientIdPath].filter(
    (path) => path !== undefined,
  );
}

/** Whether the form is about an authorization code at all: another grant type needs no window. */
export function isByCode(visible: readonly Field[], values: Values): boolean {
  const grant = visible.find((field) => nameOf(field.path) === "oAuth2GrantType");
  const value = grant === undefined ? "" : textOf(values[grant.path]);
  return value === "" || value === "AUTHORIZATION_CODE";
}

/** The labels of what must be filled in before an authorization can begin. */
export function missingLabels(
  authorization: Authorization,
  fields: readonly Field[],
  values: Values,
): readonly string[] {
  return neededPaths(authorization).flatMap((path) => {
    const field = fields.find((one) => one.path === path);
    return field !== undefined && textOf(values[path]).trim() === "" ? [field.member.label] : [];
  });
}

/** What an authorization was begun with; another one later needs another authorization. */
export function fingerprintOf(authorization: Authorization, values: Values): string {
  const paths = [...neededPaths(authorization), authorization.scopesPath];
  return JSON.stringify(paths.map((path): FieldValue | null => (path === undefined ? null : (values[path] ?? null))));
}

/** Asks the server to begin one. */
export function begin(form: ConnectorForm, visible: readonly Field[], values: Values, redirectUri: string) {
  const { properties } = documentsOf(visible, values);
  const clientId = form.authorization === null ? "" : textOf(values[form.authorization.clientIdPath]);
  return beginAuthorization({
    connectorType: form.connectorType,
    ...(form.connectorLabel === undefined ? {} : { connectorLabel: form.connectorLabel }),
    connectorProfileProperties: { [form.unionKey]: properties },
    clientId,
    redirectUri,
  });
}

/** A message of the channel, if it is one. */
export function readMessage(data: unknown): AuthorizationMessage | undefined {
  const state = readBelow(data as never, "state");
  const ok = readBelow(data as never, "ok");
  const message = readBelow(data as never, "message");
  if (typeof state !== "string" || typeof ok !== "boolean") return undefined;
  return { state, ok, ...(typeof message === "string" ? { message } : {}) };
}
