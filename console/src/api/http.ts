// Plain requests to the server the page came from.
import { shell } from "../strings/shell";
import { learnServerDate } from "./clock";
import { ApiError } from "./errors";

/** The public address of the server with its prefix; it ends with a slash. */
export function apiBase(): URL {
  return new URL("./", document.baseURI);
}

/**
 * Sends a session request and gives the answer's JSON. The mode stays `cors`: only so does a
 * browser send `Origin` from a page that hides its address (`Referrer-Policy: no-referrer`).
 */
export async function sessionRequest<T>(
  method: "GET" | "POST",
  path: string,
  input?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", cache: "no-store", redirect: "error" };
  if (method === "POST") {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(input ?? {});
  }
  if (signal !== undefined) init.signal = signal;
  const sent = Date.now();
  const response = await fetch(new URL(path, apiBase()), init);
  learnServerDate(response.headers.get("date"), sent, Date.now());
  return readAnswer<T>(response);
}

/** Reads a JSON answer, or throws what the server said. */
export async function readAnswer<T>(response: Response): Promise<T> {
  const text = await response.text();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (response.ok && body !== undefined) return body as T;
  throw new ApiError(messageOf(body) ?? shell.answerNotUnderstood(response.status), {
    code: codeOf(response),
    status: response.status,
    requestId: response.headers.get("x-amzn-requestid") ?? undefined,
    retryAfter: seconds(response.headers.get("retry-after")),
  });
}

function messageOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const record = body as Record<string, unknown>;
  const message = record["message"] ?? record["Message"];
  return typeof message === "string" && message !== "" ? message : undefined;
}

/** `ValidationException:http://…` is how AWS may write it; the name ends at the colon. */
function codeOf(response: Response): string {
  const header = response.headers.get("x-amzn-errortype") ?? "";
  return header.split(":")[0] || `HTTP ${response.status}`;
}

function seconds(header: string | null): number | undefined {
  if (header === null || !/^\d+$/.test(header)) return undefined;
  return Number(header);
}
