/**
 * A trace for language models (`Accept: application/vnd.grafana.llm`): services, scopes and spans
 * with hexadecimal ids and attributes as flat maps of plain values. Tempo marks it experimental.
 *
 * One span at a time passes through a small object, so that a large trace costs no more memory
 * than its text.
 */
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import type { AnswerTail } from "./answer-format.ts";
import { JsonBytes } from "./json-bytes.ts";
import { type ProtoShape, resource, scope, span } from "./otlp-shape.ts";
import { joined, ProtoCursor, WIRE_BYTES } from "./proto-cursor.ts";
import { writeProtoJson } from "./proto-json.ts";

/** Proto3 JSON as proto-json.ts writes it. */
interface Value {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number | string;
  readonly bytesValue?: string;
  readonly arrayValue?: { readonly values?: readonly Value[] };
  readonly kvlistValue?: { readonly values?: readonly Pair[] };
}

interface Pair {
  readonly key?: string;
  readonly value?: Value;
}

interface Attributed {
  readonly attributes?: readonly Pair[];
}

interface Named extends Attributed {
  readonly name?: string;
  readonly version?: string;
}

interface Event extends Named {
  readonly timeUnixNano?: string;
}

interface Link extends Attributed {
  readonly traceId?: string;
  readonly spanId?: string;
}

interface Span extends Link {
  readonly name?: string;
  readonly parentSpanId?: string;
  readonly kind?: string | number;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly events?: readonly Event[];
  readonly links?: readonly Link[];
  readonly status?: { readonly code?: string | number; readonly message?: string };
}

/** Its JSON, the parsed objects and their texts, by the bytes of a message. */
const READ_GARBAGE_FACTOR = 32;
const garbage = new GarbageCount(16 * MiB);

/** Fields of the groups around spans, by number. */
const GROUP = 1;
const MEMBERS = 2;

/** An absent trace is `{}`, without status. */
export function traceForModels(trace: Uint8Array, tail: AnswerTail): Uint8Array[] {
  const out = new JsonBytes();
  const group = firstOf(trace, GROUP);
  if (group === undefined) out.ascii("{}");
  else {
    const first = firstOf(firstOf(group, MEMBERS) ?? EMPTY, MEMBERS);
    const traceId = first && read<Span>(first, span).traceId;
    out.ascii('{"trace":{"traceId":');
    out.text(hex(traceId));
    out.ascii(',"services":');
    writeList(out, fieldsOf(trace, GROUP), writeService);
    out.ascii("}");
    if (tail.inspectedBytes > 0) out.ascii(`,"metrics":{"inspectedBytes":${tail.inspectedBytes}}`);
    out.ascii(`,"status":"${tail.status}"`);
    if (tail.message !== "") writeText(out, ',"message":', tail.message);
    out.ascii("}");
  }
  return out.finish();
}

const EMPTY = new Uint8Array();

function writeService(out: JsonBytes, group: Uint8Array): void {
  const about = firstOf(group, GROUP);
  const attributes = flat(about && read<Attributed>(about, resource).attributes);
  const name = attributes.get("service.name");
  attributes.delete("service.name");
  const fields = new Fields(out);
  if (name?.stringValue) fields.text("serviceName", name.stringValue);
  if (attributes.size > 0) fields.next("resource", () => writeMap(out, attributes));
  if (firstOf(group, MEMBERS) !== undefined) {
    fields.next("scopes", () => writeList(out, fieldsOf(group, MEMBERS), writeScope));
  }
  fields.end();
}

function writeScope(out: JsonBytes, group: Uint8Array): void {
  const about = firstOf(group, GROUP);
  const { name, version } = about ? read<Named>(about, scope) : {};
  const fields = new Fields(out);
  if (name) fields.text("name", name);
  if (version) fields.text("version", version);
  if (firstOf(group, MEMBERS) !== undefined) {
    fields.next("spans", () => writeList(out, fieldsOf(group, MEMBERS), writeSpan));
  }
  fields.end();
}

function writeSpan(out: JsonBytes, bytes: Uint8Array): void {
  const it = read<Span>(bytes, span);
  const fields = new Fields(out);
  fields.text("spanId", hex(it.spanId));
  fields.text("name", it.name ?? "");
  if (it.parentSpanId) fields.text("parentSpanId", hex(it.parentSpanId));
  if (it.kind) fields.text("kind", String(it.kind));
  if (it.startTimeUnixNano) fields.text("startTimeUnixNano", it.startTimeUnixNano);
  if (it.endTimeUnixNano) fields.text("endTimeUnixNano", it.endTimeUnixNano);
  const durationMs = milliseconds(it);
  if (durationMs !== 0) fields.next("durationMs", () => out.ascii(String(durationMs)));
  writeAttributes(fields, out, it);
  const { events, links } = it;
  if (events) fields.next("events", () => writeList(out, events, writeEvent));
  if (links) fields.next("links", () => writeList(out, links, writeLink));
  fields.next("status", () => writeStatus(out, it.status ?? {}));
  fields.end();
}

/** A message on an unset status is not shown. */
function writeStatus(out: JsonBytes, { code, message }: NonNullable<Span["status"]>): void {
  const fields = new Fields(out);
  fields.text("code", code === undefined ? "STATUS_CODE_UNSET" : String(code));
  fields.text("message", (code !== undefined && message) || "");
  fields.end();
}

function writeEvent(out: JsonBytes, event: Event): void {
  const fields = new Fields(out);
  fields.text("name", event.name ?? "");
  if (event.timeUnixNano) fields.text("timeUnixNano", event.timeUnixNano);
  writeAttributes(fields, out, event);
  fields.end();
}

function writeLink(out: JsonBytes, link: Link): void {
  const fields = new Fields(out);
  fields.text("traceId", hex(link.traceId));
  fields.text("spanId", hex(link.spanId));
  writeAttributes(fields, out, link);
  fields.end();
}

function writeAttributes(fields: Fields, out: JsonBytes, { attributes }: Attributed): void {
  const values = flat(attributes);
  if (values.size > 0) fields.next("attributes", () => writeMap(out, values));
}

function writeMap(out: JsonBytes, values: ReadonlyMap<string, Value>): void {
  const fields = new Fields(out);
  for (const [key, value] of values) fields.next(key, () => writeValue(out, value));
  fields.end();
}

/** Integers keep all their digits, so no value passes through a JavaScript number. */
function writeValue(out: JsonBytes, value: Value): void {
  if (value.stringValue !== undefined) out.text(value.stringValue);
  else if (value.boolValue !== undefined) out.ascii(String(value.boolValue));
  else if (value.intValue !== undefined) out.ascii(value.intValue);
  else if (value.doubleValue !== undefined) out.ascii(JSON.stringify(value.doubleValue));
  else if (value.bytesValue !== undefined) out.text(hex(value.bytesValue));
  else if (value.arrayValue) writeList(out, value.arrayValue.values ?? [], writeValue);
  else if (value.kvlistValue) writeMap(out, flat(value.kvlistValue.values));
  else out.ascii("null");
}

function writeList<Item>(
  out: JsonBytes,
  items: Iterable<Item>,
  write: (out: JsonBytes, item: Item) => void,
): void {
  out.ascii("[");
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) out.ascii(",");
    isFirst = false;
    write(out, item);
  }
  out.ascii("]");
}

function writeText(out: JsonBytes, before: string, text: string): void {
  out.ascii(before);
  out.text(text);
}

/** The braces and commas of one object. */
class Fields {
  readonly #out: JsonBytes;
  #separator = "{";

  constructor(out: JsonBytes) {
    this.#out = out;
  }

  next(name: string, write: () => void): void {
    this.#out.ascii(this.#separator);
    this.#separator = ",";
    this.#out.text(name);
    this.#out.ascii(":");
    write();
  }

  text(name: string, text: string): void {
    this.next(name, () => this.#out.text(text));
  }

  end(): void {
    this.#out.ascii(this.#separator === "{" ? "{}" : "}");
  }
}

/** Of a key that comes twice the last value counts. */
function flat(pairs: readonly Pair[] | undefined): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const { key = "", value } of pairs ?? []) if (value) values.set(key, value);
  return values;
}

function milliseconds({ startTimeUnixNano, endTimeUnixNano }: Span): number {
  if (!startTimeUnixNano || !endTimeUnixNano) return 0;
  return Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6;
}

function hex(base64: string | undefined): string {
  return base64 ? Uint8Array.fromBase64(base64).toHex() : "";
}

/** What proto-json.ts writes for `shape` has the form of its interface above. */
function read<Message>(bytes: Uint8Array, shape: ProtoShape): Message {
  const out = new JsonBytes();
  writeProtoJson(out, bytes, shape);
  garbage.note(READ_GARBAGE_FACTOR * bytes.length);
  return JSON.parse(new TextDecoder().decode(joined(out.finish()))) as Message;
}

function firstOf(message: Uint8Array, number: number): Uint8Array | undefined {
  for (const payload of fieldsOf(message, number)) return payload;
  return undefined;
}

/** The payloads of one length-delimited field. */
function* fieldsOf(message: Uint8Array, number: number): Generator<Uint8Array> {
  const cursor = new ProtoCursor(message);
  while (cursor.at < message.length) {
    const tag = cursor.tag(message.length);
    cursor.skip(tag & 7, message.length);
    if (tag !== ((number << 3) | WIRE_BYTES)) continue;
    yield message.subarray(cursor.at - cursor.low, cursor.at);
  }
}
