// Errors in the server's words, whoever brings them: the SDK, an extension or a session answer.
import { shell } from "../strings/shell";

/** An error that the server answered to a session or extension request. */
export class ApiError extends Error {
  /** The exception's name, for example `ValidationException`. */
  readonly code: string;
  readonly status: number;
  readonly requestId: string | undefined;
  /** Seconds to wait, where the server named them in `Retry-After`. */
  readonly retryAfter: number | undefined;

  constructor(
    message: string,
    details: { code: string; status: number; requestId?: string | undefined; retryAfter?: number | undefined },
  ) {
    super(message);
    this.name = "ApiError";
    this.code = details.code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryAfter = details.retryAfter;
  }
}

/** What a person may have to tell an operator about an error. */
export interface ErrorDetails {
  message: string;
  code?: string;
  status?: number;
  requestId?: string;
}

/** What is known of any thrown value. */
export function errorDetails(error: unknown): ErrorDetails {
  if (error instanceof ApiError) {
    const details: ErrorDetails = { message: error.message, code: error.code, status: error.status };
    if (error.requestId !== undefined) details.requestId = error.requestId;
    return details;
  }
  if (isNetworkError(error)) return { message: shell.unreachable };
  if (error instanceof Error) {
    const details: ErrorDetails = { message: error.message === "" ? shell.unknownError : error.message };
    const metadata = sdkMetadata(error);
    if (metadata !== undefined) {
      details.code = error.name;
      if (metadata.httpStatusCode !== undefined) details.status = metadata.httpStatusCode;
      if (metadata.requestId !== undefined) details.requestId = metadata.requestId;
    }
    return details;
  }
  return { message: typeof error === "string" && error !== "" ? error : shell.unknownError };
}

/** The text to show for any thrown value: the server's own words where it spoke. */
export function errorText(error: unknown): string {
  return errorDetails(error).message;
}

/** The exception's name, where the error came from the server. */
export function errorCode(error: unknown): string | undefined {
  return errorDetails(error).code;
}

/**
 * Whether what was asked for by its name is not there, or cannot be: the name breaks the rules of
 * names. Asking again does not help.
 */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ResourceNotFoundException" || code === "ValidationException";
}

/** Whether a request was given up by its caller; nothing to tell anybody. */
export function isAborted(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** Whether the server says that it does not know (any more) the keys a request was signed with. */
export function isUnknownKey(error: unknown): boolean {
  const code = errorCode(error);
  return (
    code === "UnrecognizedClientException" ||
    code === "ExpiredTokenException" ||
    code === "InvalidClientTokenId" ||
    code === "MissingAuthenticationTokenException"
  );
}

interface SdkMetadata {
  httpStatusCode?: number;
  requestId?: string;
}

function sdkMetadata(error: Error): SdkMetadata | undefined {
  if (!("$metadata" in error)) return undefined;
  const metadata = error.$metadata;
  return typeof metadata === "object" && metadata !== null ? metadata : undefined;
}

/** `fetch` rejects with a TypeError, whose words differ between browsers, when nobody answers. */
function isNetworkError(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    /failed to fetch|networkerror|load failed|fetch failed|network/i.test(error.message)
  );
}
