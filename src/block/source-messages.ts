/**
 * Resource and scope messages out of their columns, each made once: spans of one trace have few
 * of them, and who writes the answer groups by them.
 */
import type { SourceMessage } from "../model/span-row.ts";
import { blockCorrupt } from "./block-error.ts";
import { resourceFromJson } from "./resource-json.ts";
import { scopeBytes } from "./scope-text.ts";

export interface ResourceColumns {
  readonly otlp: Uint8Array | undefined;
  readonly json: Uint8Array;
  readonly schemaUrl: Uint8Array;
}

export interface ScopeColumns {
  readonly otlp: Uint8Array | undefined;
  readonly name: Uint8Array;
  readonly version: Uint8Array;
  readonly schemaUrl: Uint8Array;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export class SourceMessages {
  readonly #resources = new Map<string, SourceMessage>();
  readonly #scopes = new Map<string, SourceMessage>();
  #lastResource: { columns: ResourceColumns; source: SourceMessage } | undefined;
  #lastScope: { columns: ScopeColumns; source: SourceMessage } | undefined;

  resource(columns: ResourceColumns): SourceMessage {
    const { otlp, json, schemaUrl } = columns;
    const last = this.#lastResource;
    // References to one dictionary code are one object, so this mostly says all.
    if (
      last?.columns.otlp === otlp &&
      last?.columns.json === json &&
      last.columns.schemaUrl === schemaUrl
    ) {
      return last.source;
    }
    const source = once(this.#resources, [otlp, json, schemaUrl], () => ({
      message: otlp ?? fromJson(json),
      schemaUrl,
    }));
    this.#lastResource = { columns, source };
    return source;
  }

  scope(columns: ScopeColumns): SourceMessage {
    const { otlp, name, version, schemaUrl } = columns;
    const last = this.#lastScope;
    if (
      last?.columns.otlp === otlp &&
      last?.columns.name === name &&
      last.columns.version === version &&
      last.columns.schemaUrl === schemaUrl
    ) {
      return last.source;
    }
    const source = once(this.#scopes, [otlp, name, version, schemaUrl], () => ({
      message: otlp ?? scopeBytes(utf8.decode(name), utf8.decode(version)),
      schemaUrl,
    }));
    this.#lastScope = { columns, source };
    return source;
  }
}

/** By what the columns hold: equal bytes may be several objects. */
function once(
  known: Map<string, SourceMessage>,
  parts: readonly (Uint8Array | undefined)[],
  make: () => SourceMessage,
): SourceMessage {
  const lengths = parts.map((part) => part?.length ?? -1).join(",");
  const key = `${lengths} ${parts.map((part) => (part ? latin1(part) : "")).join("")}`;
  let source = known.get(key);
  if (source === undefined) {
    source = make();
    known.set(key, source);
  }
  return source;
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

function fromJson(json: Uint8Array): Uint8Array {
  try {
    return resourceFromJson(utf8.decode(json));
  } catch {
    throw blockCorrupt("column resource: not the text of a resource");
  }
}
