/** Resources and scopes out of what the columns of a block say of them. */
import { resourceFromJson } from "../block/resource-json.ts";
import { readResource, readScope } from "./any-value.ts";
import type { Source } from "./segment.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** `values` in the order of the columns; undefined: it has none. */
export type ReadSource = (values: readonly (Uint8Array | undefined)[]) => Source;

export const readBlockResource: ReadSource = ([json, otlp]) => {
  return readResource(otlp ?? resourceFromJson(utf8.decode(json)));
};

export const readBlockScope: ReadSource = ([name, version, otlp]) => {
  if (otlp !== undefined) return readScope(otlp);
  const text = (bytes: Uint8Array | undefined) => (bytes ? utf8.decode(bytes) : "");
  return { name: text(name), version: text(version), attributes: new Map() };
};
