/** What Google's storage answers, in JSON, checked. */
import { EngineError } from "../../base/error.ts";
import type { ObjectInfo } from "../object-store.ts";

export interface GcsPage {
  /** Under their whole names in the bucket. */
  readonly objects: readonly ObjectInfo[];
  readonly nextToken: string | undefined;
}

/** Throws store_unavailable when it is none: half an answer, or somebody else's. */
export function gcsPage(body: Uint8Array): GcsPage {
  const page = fieldsOf(parse(body));
  const { items = [], nextPageToken } = page;
  if (!Array.isArray(items)) throw strange("items are no list");
  const token = typeof nextPageToken === "string" && nextPageToken !== "";
  return { objects: items.map(infoOf), nextToken: token ? nextPageToken : undefined };
}

/** The name of the write in the metadata of an object. */
export function writeOf(body: Uint8Array): string | undefined {
  const write = fieldsOf(fieldsOf(parse(body))["metadata"] ?? {})["vivace-write"];
  return typeof write === "string" ? write : undefined;
}

function infoOf(item: unknown): ObjectInfo {
  const { name, size, generation, updated } = fieldsOf(item);
  const modifiedMs = Date.parse(String(updated));
  // Numbers of 64 bits come as texts.
  const bytes = Number(size);
  if (typeof name !== "string" || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw strange("an object without name or size");
  }
  if (Number.isNaN(modifiedMs)) throw strange("an object without time");
  return { key: name, bytes, etag: String(generation), modifiedMs };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    throw strange("no JSON");
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw strange("no object of JSON");
  return { ...value };
}

function strange(what: string): EngineError {
  return new EngineError("store_unavailable", `the answer of Google's storage has ${what}`);
}
