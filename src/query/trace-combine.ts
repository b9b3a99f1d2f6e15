/**
 * Rows of one trace from several sources into one encoded TracesData.
 *
 * Spans are grouped by resource and scope, which are equal when their bytes and schema URLs are;
 * groups stand in the order of their first span. Each span is there once (see encoded-spans.ts).
 * Above bytesMax nothing more is taken, so memory is bounded by it.
 */
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import type { SourceMessage, SpanRow } from "../model/span-row.ts";
import { type Arrival, EncodedSpans } from "./encoded-spans.ts";
import { putVarint, varintBytes } from "./proto-cursor.ts";
import { type SourceGroup, SourceGroups } from "./source-groups.ts";

// TracesData, ResourceSpans and ScopeSpans: message = 1, what is inside = 2, schema URL = 3.
const RESOURCE_SPANS = 0x0a;
const MESSAGE = 0x0a;
const MEMBER = 0x12;
const SCHEMA_URL = 0x1a;
/** Tag and length of a group, at most. */
const GROUP_BYTES = 6;

/** What a row and each of its values leave behind, about: objects with views on texts. */
const ROW_GARBAGE_BYTES = 1024;
const VALUE_GARBAGE_BYTES = 256;
/** Collecting takes a few milliseconds, and these rows fifty. */
const garbage = new GarbageCount(16 * MiB);

export class TraceCombiner {
  readonly #bytesMax: number;
  readonly #spans: EncodedSpans;
  readonly #resources = new SourceGroups();
  readonly #scopes = new SourceGroups();
  /** Resources by their first span. */
  readonly #order: SourceGroup[] = [];
  #bytes = 0;
  #partial = false;
  #differing = 0;

  constructor(traceId: Uint8Array, bytesMax: number) {
    this.#spans = new EncodedSpans(traceId);
    this.#bytesMax = bytesMax;
  }

  get spans(): number {
    return this.#spans.count;
  }

  /** Bytes of the answer so far, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True when a span was left out because of bytesMax. */
  get partial(): boolean {
    return this.#partial;
  }

  /** Spans that came again with another content, and were dropped. */
  get differing(): number {
    return this.#differing;
  }

  /** Takes rows until bytesMax; false when that is passed. */
  addRows(rows: Iterable<SpanRow>): boolean {
    if (this.#partial) return false;
    for (const row of rows) {
      const group = this.#group(row.resource, row.scope);
      this.#settle(this.#spans.add(row, group), group);
      garbage.note(garbageBytes(row));
      if (this.#partial) return false;
    }
    return true;
  }

  /** Takes what another one has, in its order; false when bytesMax is passed. */
  addAll(other: TraceCombiner): boolean {
    for (let i = 0; i < other.#spans.count; i++) {
      if (this.#partial) return false;
      const scope = other.#scopes.at(other.#spans.group(i));
      const group = this.#group(other.#resources.at(scope.parent).source, scope.source);
      this.#settle(this.#spans.addFrom(other.#spans, i, group), group);
      garbage.note(2 * VALUE_GARBAGE_BYTES);
    }
    if (other.#partial) this.#partial = true;
    this.#differing += other.#differing;
    return !this.#partial;
  }

  #group(resource: SourceMessage, scope: SourceMessage): number {
    return this.#scopes.find(scope, this.#resources.find(resource, 0));
  }

  /** Counts what the last add did; takes a span away again that is too much. */
  #settle(arrival: Arrival, group: number): void {
    if (arrival === "differs") this.#differing++;
    // Sources are held even when all their spans came before under another one.
    if (this.#resources.bytes + this.#scopes.bytes > this.#bytesMax) this.#partial = true;
    if (arrival !== "new") return;
    const span = this.#spans.count - 1;
    const spanBytes = fieldBytes(this.#spans.length(span));
    const scope = this.#scopes.at(group);
    const resource = this.#resources.at(scope.parent);
    let bytes = spanBytes;
    if (scope.members.length === 0) bytes += GROUP_BYTES + sourceBytes(scope.source);
    if (resource.members.length === 0) bytes += GROUP_BYTES + sourceBytes(resource.source);
    if (this.#bytes + bytes > this.#bytesMax) {
      this.#spans.dropLast();
      this.#partial = true;
      return;
    }
    this.#bytes += bytes;
    if (resource.members.length === 0) this.#order.push(resource);
    if (scope.members.length === 0) resource.members.push(group);
    scope.members.push(span);
    scope.bytes += spanBytes;
  }

  /** Gives the memory back; for one that was taken over by another. */
  release(): void {
    this.#spans.release();
  }

  /** The answer; empty without spans. Use the combiner no more. */
  finish(): Uint8Array<ArrayBuffer> {
    const resources = this.#order;
    for (const resource of resources) {
      resource.bytes = sourceBytes(resource.source);
      for (const member of resource.members) {
        const scope = this.#scopes.at(member);
        scope.bytes += sourceBytes(scope.source);
        resource.bytes += fieldBytes(scope.bytes);
      }
    }
    const out = new Output(resources.reduce((sum, { bytes }) => sum + fieldBytes(bytes), 0));
    for (const resource of resources) {
      out.group(RESOURCE_SPANS, resource, (index) => {
        const scope = this.#scopes.at(index);
        out.group(MEMBER, scope, (span) => {
          out.field(MEMBER, this.#spans.bytes(span));
          garbage.note(VALUE_GARBAGE_BYTES);
        });
      });
    }
    this.release();
    return out.bytes;
  }
}

function garbageBytes({ attributes, events, links }: SpanRow): number {
  let values = attributes.length;
  for (const event of events) values += 4 + event.attributes.length;
  for (const link of links) values += 4 + link.attributes.length;
  return ROW_GARBAGE_BYTES + VALUE_GARBAGE_BYTES * values;
}

/** Writes into an array of the right size. */
class Output {
  readonly bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  /** A ResourceSpans or ScopeSpans as a field, its members by `write`. */
  group(tag: number, group: SourceGroup, write: (member: number) => void): void {
    this.#head(tag, group.bytes);
    this.field(MESSAGE, group.source.message);
    for (const member of group.members) write(member);
    if (group.source.schemaUrl.length > 0) this.field(SCHEMA_URL, group.source.schemaUrl);
  }

  field(tag: number, bytes: Uint8Array): void {
    this.#head(tag, bytes.length);
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #head(tag: number, length: number): void {
    this.bytes[this.#at++] = tag;
    this.#at = putVarint(this.bytes, this.#at, length);
  }
}

/** The fields beside the members: the message always, also when it is empty, as Tempo has it. */
function sourceBytes({ message, schemaUrl }: SourceMessage): number {
  const url = schemaUrl.length === 0 ? 0 : fieldBytes(schemaUrl.length);
  return fieldBytes(message.length) + url;
}

/** A field with a tag of one byte. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}
