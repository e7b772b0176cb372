/** The requests that a draft makes. */

import { present, type Json } from "./document";
import { keptPaths } from "./keep";
import type { Draft } from "./validate";
import { documentsOf } from "./values";

/** The unions and kept paths of a request. */
export interface Unions {
  readonly connectorProfileProperties: { readonly [key: string]: Json };
  readonly connectorProfileCredentials?: { readonly [key: string]: Json };
  readonly keepCredentials: readonly string[];
}

/** The unions of a draft: properties always, credentials where any are given. */
export function unionsOf(draft: Draft): Unions {
  const { properties, credentials } = documentsOf(draft.visible, draft.selection.values);
  const key = draft.form.unionKey;
  return {
    connectorProfileProperties: { [key]: properties },
    ...(present(credentials) ? { connectorProfileCredentials: { [key]: credentials } } : {}),
    keepCredentials: keptPaths(draft.visible, draft.stored),
  };
}
