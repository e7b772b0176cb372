// OAuth's authorization code by way of a pop-up window.
import { beginAuthorization } from "../api/extensions";
import { groupOf, nameOf, readBelow } from "../form/document";
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

/** What the consent brings, so that nobody has it before. */
const BROUGHT: readonly string[] = ["authCode", "redirectUri", "accessToken", "refreshToken"];

/**
 * The fields that keep an authorization from beginning: the server looks at all settings first, and
 * the client that it begins with is the one that later exchanges the code. `problems` are those of
 * the whole form.
 */
export function blockingFields(
  authorization: Authorization,
  fields: readonly Field[],
  values: Values,
  problems: ReadonlyMap<string, string>,
): readonly Field[] {
  const needed = neededPaths(authorization);
  const group = groupOf(authorization.clientIdPath);
  return fields.filter(({ path, side }) => {
    // A stored client ID may be kept, but the page cannot ask for consent with what it does not know.
    if (needed.includes(path) && textOf(values[path]).trim() === "") return true;
    const matters = side === "properties" || groupOf(path) === group;
    return matters && !BROUGHT.includes(nameOf(path)) && problems.has(path);
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
