// The two sides of a flow: what it reads and where it writes.
import type { DestinationFlowConfig, SourceFlowConfig } from "@aws-sdk/client-appflow";
import { humanize } from "../format";
import { members } from "../strings/flows";
import { common } from "../strings/common";
import { wordFor, writeOperations } from "../strings/operators";

/** A setting in words. */
export interface Fact {
  path: string;
  label: string;
  value: string;
}

/** Settings that have a place of their own on the page. */
const SHOWN_ELSEWHERE = new Set(["s3OutputFormatConfig", "errorHandlingConfig"]);

/** The settings of a source, in the order the server gave them. */
export function sourceFacts(config: SourceFlowConfig | undefined): Fact[] {
  return facts(only(config?.sourceConnectorProperties));
}

/** The settings of a destination but for the format and errors, which have a tab. */
export function destinationFacts(config: DestinationFlowConfig | undefined): Fact[] {
  return facts(only(config?.destinationConnectorProperties));
}

/** The one member of a union that is there. */
export function only(union: object | undefined): Record<string, unknown> {
  const found = Object.values(union ?? {}).find((value) => typeof value === "object" && value !== null);
  return (found ?? {}) as Record<string, unknown>;
}

function facts(settings: Record<string, unknown>, above = ""): Fact[] {
  const found: Fact[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || value === null || value === "") continue;
    if (above === "" && SHOWN_ELSEWHERE.has(name)) continue;
    const path = `${above}${name}`;
    if (typeof value === "object" && !Array.isArray(value)) {
      found.push(...facts(value as Record<string, unknown>, `${path}.`));
    } else if (!Array.isArray(value) || value.length > 0) {
      found.push({ path, label: members[path] ?? humanize(path), value: inWords(name, value) });
    }
  }
  return found;
}

function inWords(name: string, value: unknown): string {
  if (typeof value === "boolean") return value ? common.yes : common.no;
  if (Array.isArray(value)) return value.join(", ");
  if (name === "writeOperationType") return wordFor(writeOperations, String(value));
  return String(value);
}

/**
 * Where a flow's data lie: for a bucket its address down to the flow's own folder, as the service
 * lays it out; for anything else the object. Undefined when the settings name neither.
 */
export function location(config: DestinationFlowConfig | undefined, flowName: string): string | undefined {
  const settings = only(config?.destinationConnectorProperties);
  const text = (name: string): string | undefined => {
    const value = settings[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const bucket = text("bucketName");
  if (bucket !== undefined) {
    const prefix = text("bucketPrefix")?.replace(/^\/+|\/+$/g, "");
    return `s3://${[bucket, prefix, flowName].filter((part) => part !== undefined && part !== "").join("/")}/`;
  }
  return text("object") ?? text("objectPath") ?? text("entityName") ?? text("domainName");
}

/** `s3://bucket/prefix`, or undefined without a bucket. */
export function bucketAddress(bucket: string | undefined, prefix: string | undefined): string | undefined {
  if (bucket === undefined || bucket === "") return undefined;
  const below = prefix?.replace(/^\/+|\/+$/g, "") ?? "";
  return below === "" ? `s3://${bucket}` : `s3://${bucket}/${below}`;
}
