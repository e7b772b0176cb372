import { Sha256 } from "@aws-crypto/sha256-browser";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { extension } from "./client";
import { learnServerDate } from "./clock";
import { session } from "./session";

const KEYS = {
  accessKeyId: "ASIAEXAMPLE",
  secretAccessKey: "secret-key",
  sessionToken: "session-token",
  expiration: new Date(Date.now() + 900_000),
};

interface Sent {
  url: URL;
  headers: Record<string, string>;
  body: string;
}

/** Answers requests in turn and notes them. */
function stubFetch(...answers: [status: number, body: string, headers?: Record<string, string>][]): Sent[] {
  const sent: Sent[] = [];
  vi.stubGlobal("fetch", async (url: URL, init: RequestInit) => {
    sent.push({ url, headers: init.headers as Record<string, string>, body: init.body as string });
    const [status, body, headers] = answers[sent.length - 1] ?? [500, ""];
    return new Response(body, { status, ...(headers === undefined ? {} : { headers }) });
  });
  return sent;
}

function digest(text: string, key?: string | Uint8Array): Promise<Uint8Array> {
  const sha = key === undefined ? new Sha256() : new Sha256(key);
  sha.update(text);
  return sha.digest();
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Signature Version 4 as AWS's documentation describes it, without the SDK's signer. */
async function signatureOf({ url, headers, body }: Sent, region: string): Promise<string> {
  const [, scopeDate, signed] = /Credential=[^/]+\/(\d+)\/.*SignedHeaders=([^,]+)/.exec(headers["authorization"] ?? "") ?? [];
  const all: Record<string, string> = { ...headers, host: url.host };
  const names = (signed ?? "").split(";");
  const canonical = [
    "POST",
    url.pathname,
    "",
    ...names.map((name) => `${name}:${all[name] ?? ""}`),
    "",
    names.join(";"),
    hex(await digest(body)),
  ].join("\n");
  const scope = `${scopeDate}/${region}/appflow/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hex(await digest(canonical))].join("\n");
  let key: string | Uint8Array = `AWS4${KEYS.secretAccessKey}`;
  for (const part of [scopeDate ?? "", region, "appflow", "aws4_request"]) key = await digest(part, key);
  return hex(await digest(text, key));
}

beforeEach(() => {
  vi.stubGlobal("document", { baseURI: "https://gate.example.com:8443/some/prefix/?q#/connections" });
  vi.spyOn(session, "keys").mockResolvedValue(KEYS);
  vi.spyOn(session, "state").mockReturnValue({
    status: "signedIn",
    region: "eu-central-1",
    accountId: "123456789012",
    userName: "ada",
    signIn: "password",
    idleMinutes: 30,
    info: {
      signedIn: true,
      signIn: { password: true, oidc: null },
      hasUsers: true,
      region: "eu-central-1",
      accountId: "123456789012",
      version: "1",
      oauthRedirectPath: "oauth/callback",
    },
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a call of an extension", () => {
  it("is signed with host, port and the path with its prefix", async () => {
    const sent = stubFetch([200, '{"total":3}']);
    expect(await extension("list-connector-profiles", { maxResults: 1 })).toEqual({ total: 3 });
    const request = sent[0];
    if (request === undefined) throw new Error("nothing was sent");
    expect(request.url.href).toBe("https://gate.example.com:8443/some/prefix/x/list-connector-profiles");
    expect(request.body).toBe('{"maxResults":1}');
    expect(request.headers["x-amz-security-token"]).toBe("session-token");
    expect(request.headers["host"]).toBeUndefined();
    expect(request.headers["authorization"]).toContain(`Signature=${await signatureOf(request, "eu-central-1")}`);
  });

  it("carries the server's time, not this computer's", async () => {
    const now = Date.now();
    learnServerDate(new Date(now + 3_600_000).toUTCString(), now, now);
    const sent = stubFetch([200, "{}"]);
    await extension("list-users", {});
    learnServerDate(new Date(now).toUTCString(), now, now);
    const [, y, mo, d, h, mi] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(sent[0]?.headers["x-amz-date"] ?? "") ?? [];
    const signed = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi));
    expect(Math.abs(signed - (now + 3_600_000))).toBeLessThan(61_000);
  });

  it("is sent once more with new keys when the server does not know the old ones", async () => {
    const unknown = '{"message":"The security token included in the request is invalid."}';
    const header = { "x-amzn-errortype": "UnrecognizedClientException" };
    const sent = stubFetch([403, unknown, header], [200, '{"ok":true}']);
    const renew = vi.spyOn(session, "renew").mockResolvedValue(KEYS);
    expect(await extension("list-users", {})).toEqual({ ok: true });
    expect(renew).toHaveBeenCalledOnce();
    expect(sent).toHaveLength(2);
  });

  it("throws the server's words", async () => {
    stubFetch([400, '{"message":"There is no connection of that name."}', { "x-amzn-errortype": "ResourceNotFoundException" }]);
    await expect(extension("describe-connector-profile-credentials", {})).rejects.toMatchObject({
      message: "There is no connection of that name.",
      code: "ResourceNotFoundException",
      status: 400,
    });
  });
});
