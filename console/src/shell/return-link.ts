// The page to come back to after a sign-in that leaves this page. A sign-in with a password does
// not need it: the address stays in the location bar.
import { parseHash } from "../router";

const ENTRY = "tidegate-return";

/** Whether an address may be returned to: a page of this console other than sign-in. */
export function isReturnable(hash: string): boolean {
  const first = parseHash(hash).segments[0];
  return hash.startsWith("#/") && first !== undefined && first !== "sign-in";
}

/** Remembers the address for this tab before it goes to the identity provider. */
export function rememberReturn(hash: string): void {
  if (!isReturnable(hash)) return;
  try {
    sessionStorage.setItem(ENTRY, hash);
  } catch {
    // Without storage the person lands on the first page.
  }
}

/** The remembered address, once. */
export function takeReturn(): string | undefined {
  try {
    const hash = sessionStorage.getItem(ENTRY);
    sessionStorage.removeItem(ENTRY);
    return hash !== null && isReturnable(hash) ? hash : undefined;
  } catch {
    return undefined;
  }
}
