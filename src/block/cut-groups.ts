/**
 * Columns that follow from a span's resource or scope: few distinct values for many rows, so they
 * are worked out once a resource, here, and the kernel spreads them over the rows.
 */
import { NO_ROW } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { EncodeExports } from "../kernel/encode-kernel.ts";
import type { CutHalf } from "./cut-half.ts";
import { resourceToJson } from "./resource-json.ts";
import { scopeText } from "./scope-text.ts";

export type GroupField =
  | "service_name"
  | "resource"
  | "resource_schema_url"
  | "resource_otlp"
  | "scope_name"
  | "scope_version"
  | "scope_schema_url"
  | "scope_otlp";

/** Text, bytes that lie in the half, or null. */
type Value = string | Uint8Array | undefined;
type Values = Partial<Record<GroupField, Value>>;

const encoder = new TextEncoder();

export class CutGroups {
  readonly #kernel: EncodeExports;
  readonly #half: CutHalf;
  #ofScope: boolean | undefined;
  #values: Values[] = [];

  constructor(kernel: EncodeExports, half: CutHalf) {
    this.#kernel = kernel;
    this.#half = half;
  }

  /** Opens the field's column in the kernel. Fields of resources and of scopes lie together. */
  open(field: GroupField, required: boolean): void {
    this.#group(field.startsWith("scope"));
    const { words } = this.#half;
    const groupValue = this.#kernel.groupValues() >>> 2;
    const derived = this.#kernel.derivedEntries() >>> 2;
    // Equal texts by their text, bytes by where the half has them: interned, so once.
    const known = new Map<string | number, number>();
    let textAt = this.#kernel.textRoom() >>> 0;
    for (const [group, values] of this.#values.entries()) {
      const value = values[field];
      if (value === undefined) {
        words[groupValue + group] = NO_ROW;
        continue;
      }
      const isText = typeof value === "string";
      const key = isText ? value : value.byteOffset;
      const same = known.get(key);
      words[groupValue + group] = same ?? known.size;
      if (same !== undefined) continue;
      const entry = derived + known.size * 2;
      const length = isText ? this.#writeText(value, textAt) : value.length;
      words[entry] = isText ? textAt : value.byteOffset;
      words[entry + 1] = length;
      if (isText) textAt += length;
      known.set(key, known.size);
    }
    this.#kernel.openDerived(required ? 1 : 0);
  }

  #writeText(text: string, at: number): number {
    const end = this.#kernel.textRoomEnd() >>> 0;
    const { read, written } = encoder.encodeInto(text, this.#half.bytes.subarray(at, end));
    assert(read === text.length, "block: texts of resources outgrow their room");
    return written;
  }

  #group(ofScope: boolean): void {
    if (this.#ofScope === ofScope) return;
    this.#ofScope = ofScope;
    const groups = this.#kernel.groupRows(ofScope ? 1 : 0);
    const table = this.#kernel.groupTable() >>> 2;
    // The texts of all groups must fit at once; what does not is kept as bytes, in the half.
    let room = (this.#kernel.textRoomEnd() >>> 0) - (this.#kernel.textRoom() >>> 0);
    this.#values = [];
    for (let group = 0; group < groups; group++) {
      const [message, url] = this.#half.pair(this.#half.words[table + group]);
      const values = ofScope ? this.#scope(message, url) : this.#resource(message, url);
      room -= textBytes(values);
      if (room >= 0 || ofScope) this.#values.push(values);
      else
        this.#values.push({ ...values, ...WITHOUT_TEXT, resource_otlp: this.#half.entry(message) });
    }
  }

  #resource(message: number, url: number): Values {
    const bytes = this.#half.entry(message);
    const { json, exact, serviceName } = resourceToJson(bytes);
    return {
      service_name: serviceName,
      resource: json,
      resource_schema_url: url === 0 ? undefined : this.#half.entry(url),
      resource_otlp: exact ? undefined : bytes,
    };
  }

  #scope(message: number, url: number): Values {
    const bytes = this.#half.entry(message);
    const { name, version, exact } = scopeText(bytes);
    return {
      scope_name: name,
      scope_version: version,
      scope_schema_url: url === 0 ? undefined : this.#half.entry(url),
      scope_otlp: exact ? undefined : bytes,
    };
  }
}

/** Of a resource for whose text there is no room: readers have resource_otlp. */
const WITHOUT_TEXT = { service_name: undefined, resource: "{}" };

function textBytes(values: Values): number {
  let sum = 0;
  for (const value of Object.values(values)) {
    if (typeof value === "string") sum += Buffer.byteLength(value);
  }
  return sum;
}
