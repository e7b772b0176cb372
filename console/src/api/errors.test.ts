import { ListFlowsCommand, ValidationException } from "@aws-sdk/client-appflow";
import { describe, expect, it } from "vitest";
import { shell } from "../strings/shell";
import { ApiError, errorDetails, errorText, isAborted, isMissing, isUnknownKey } from "./errors";
import { readAnswer } from "./http";

function answer(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers });
}

describe("something asked for by name", () => {
  it.each([
    ["ResourceNotFoundException", true],
    ["ValidationException", true],
    ["InternalServerException", false],
    ["AccessDeniedException", false],
    ["ThrottlingException", false],
  ])("with %s is missing: %s", (code, expected) => {
    expect(isMissing(new ApiError("m", { code, status: 400 }))).toBe(expected);
  });

  it("is not missing where nobody answered", () => {
    expect(isMissing(new TypeError("Failed to fetch"))).toBe(false);
    expect(isMissing(undefined)).toBe(false);
  });
});

describe("errors", () => {
  it("of the SDK keep the server's words, name and request id", () => {
    const error = new ValidationException({
      message: "Connector profile name is not valid.",
      $metadata: { httpStatusCode: 400, requestId: "id-1" },
    });
    expect(errorDetails(error)).toEqual({
      message: "Connector profile name is not valid.",
      code: "ValidationException",
      status: 400,
      requestId: "id-1",
    });
    expect(new ListFlowsCommand({})).toBeDefined();
  });

  it("of extensions carry what the answer's headers say", async () => {
    const response = answer(429, '{"message":"too many attempts"}', {
      "x-amzn-errortype": "TooManyRequestsException:http://example",
      "x-amzn-requestid": "id-2",
      "retry-after": "17",
    });
    const error = await readAnswer(response).catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      message: "too many attempts",
      code: "TooManyRequestsException",
      status: 429,
      requestId: "id-2",
      retryAfter: 17,
    });
  });

  it.each([
    ["another Message spelling", answer(403, '{"Message":"no"}'), "no"],
    ["a proxy's page", answer(502, "<html>Bad gateway</html>"), shell.answerNotUnderstood(502)],
    ["a page instead of JSON", answer(200, "<html></html>"), shell.answerNotUnderstood(200)],
    ["an empty error", answer(500, ""), shell.answerNotUnderstood(500)],
  ])("explain %s", async (_name, response, text) => {
    await expect(readAnswer(response)).rejects.toThrow(text);
  });

  it("reads an empty answer as an empty object", async () => {
    expect(await readAnswer(answer(200, ""))).toEqual({});
  });

  it.each([
    ["Chromium", "Failed to fetch"],
    ["Firefox", "NetworkError when attempting to fetch resource."],
    ["Safari", "Load failed"],
  ])("of the network in %s say what to do", (_browser, message) => {
    expect(errorText(new TypeError(message))).toBe(shell.unreachable);
  });

  it("of other kinds have some text", () => {
    expect(errorText(new TypeError("x is not a function"))).toBe("x is not a function");
    expect(errorText("words")).toBe("words");
    for (const odd of [undefined, null, 5, "", new Error("")]) expect(errorText(odd)).toBe(shell.unknownError);
  });

  it("tell keys that the server does not know from other refusals", () => {
    const coded = (code: string) => new ApiError("no", { code, status: 403 });
    expect(isUnknownKey(coded("UnrecognizedClientException"))).toBe(true);
    expect(isUnknownKey(coded("AccessDeniedException"))).toBe(false);
    expect(isAborted(new DOMException("given up", "AbortError"))).toBe(true);
    expect(isAborted(new Error("x"))).toBe(false);
  });
});
