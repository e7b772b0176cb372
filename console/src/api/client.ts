// Signed requests for the documented `/x/` extensions of the API. The operations of AppFlow itself go
// through AWS's SDK in `appflow.ts`, which not every page needs. Both sign with the session's keys.
import { Sha256 } from "@aws-crypto/sha256-browser";
import { HttpRequest } from "@smithy/core/transport";
import { SignatureV4 } from "@smithy/signature-v4";
import { learnServerDate, serverNow } from "./clock";
import { isUnknownKey } from "./errors";
import { apiBase, readAnswer } from "./http";
import { region, session } from "./session";

export { ApiError, errorCode, errorDetails, errorText, isAborted } from "./errors";

/** Calls `POST /x/<name>`. Throws an ApiError with the server's words. */
export async function extension<T>(name: string, input: object, signal?: AbortSignal): Promise<T> {
  try {
    return await sendExtension<T>(name, input, signal);
  } catch (error) {
    if (!isUnknownKey(error)) throw error;
    await session.renew();
    return sendExtension<T>(name, input, signal);
  }
}

async function sendExtension<T>(name: string, input: object, signal?: AbortSignal): Promise<T> {
  const url = new URL(`x/${encodeURIComponent(name)}`, apiBase());
  const keys = await session.keys();
  const signer = new SignatureV4({ service: "appflow", region: region(), credentials: keys, sha256: Sha256 });
  const signed = await signer.sign(
    new HttpRequest({
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      path: url.pathname,
      headers: { host: url.host, "content-type": "application/json" },
      body: JSON.stringify(input),
    }),
    { signingDate: new Date(serverNow()) },
  );
  // The browser sets Host itself and refuses to be told.
  const { host: _, ...headers } = signed.headers;
  const init: RequestInit = { method: "POST", headers, body: signed.body as string, cache: "no-store" };
  if (signal !== undefined) init.signal = signal;
  const sent = Date.now();
  const response = await fetch(url, init);
  learnServerDate(response.headers.get("date"), sent, Date.now());
  return readAnswer<T>(response);
}
