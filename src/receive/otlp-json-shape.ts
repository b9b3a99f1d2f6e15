/**
 * The messages of an ExportTraceServiceRequest as JSON names their fields: what each value looks
 * like, and under which tag it goes into protobuf. otlp-json.ts walks over this table.
 */
import { JsonKeys } from "./json-keys.ts";
import * as tag from "./otlp-tags.ts";
import { type Text, textOf } from "./text.ts";

/** How a value is written in JSON and in protobuf. */
export const HEX = 1;
export const TEXT = 2;
export const FIXED64 = 3;
export const FIXED32 = 4;
export const UINT32 = 5;
export const ENUM = 6;
export const MESSAGE = 7;
/** Repeated. */
export const MESSAGES = 8;
export const TEXTS = 9;
/** Of an AnyValue: written also when it is empty, zero or false. */
export const ONE_TEXT = 10;
export const ONE_BOOL = 11;
export const ONE_INT64 = 12;
export const ONE_DOUBLE = 13;
export const ONE_BASE64 = 14;

export interface Field {
  readonly type: number;
  readonly tag: number;
  /** Of a message. */
  readonly shape: Shape | undefined;
  /** See OtlpWriter.begin(). */
  readonly lengthBytes: number;
  /** Of an enum: the names and what they mean. */
  readonly names: readonly (readonly [Text, number])[];
}

export class Shape {
  #keys: JsonKeys | undefined;
  #fields: readonly Field[] = [];

  get keys(): JsonKeys {
    this.#keys ??= new JsonKeys({});
    return this.#keys;
  }

  /** By what the keys say. */
  field(key: number): Field {
    return this.#fields[key - 1];
  }

  /** Apart from the constructor, as messages hold each other. */
  define(fields: Readonly<Record<string, Field>>): this {
    this.#fields = Object.values(fields);
    const numbers = Object.keys(fields).map((name, at) => [name, at + 1] as const);
    this.#keys = new JsonKeys(Object.fromEntries(numbers));
    return this;
  }
}

const plain = (type: number, number: number): Field => ({
  ...{ type, tag: number, shape: undefined, lengthBytes: 1, names: [] },
});
const message = (number: number, shape: Shape, lengthBytes = 1): Field => ({
  ...plain(MESSAGE, number),
  ...{ shape, lengthBytes },
});
const messages = (number: number, shape: Shape, lengthBytes = 1): Field => ({
  ...message(number, shape, lengthBytes),
  type: MESSAGES,
});
const names = (prefix: string, all: readonly string[]) =>
  all.map((name, value) => [textOf(`${prefix}${name}`), value] as const);

const kinds = names("SPAN_KIND_", [
  ...["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"],
]);
const codes = names("STATUS_CODE_", ["UNSET", "OK", "ERROR"]);

const anyValue = new Shape();
const keyValue = new Shape().define({
  key: plain(TEXT, 0x0a),
  value: message(0x12, anyValue),
});
const arrayValue = new Shape().define({ values: messages(0x0a, anyValue) });
const keyValueList = new Shape().define({ values: messages(0x0a, keyValue) });
anyValue.define({
  stringValue: plain(ONE_TEXT, 0x0a),
  boolValue: plain(ONE_BOOL, 0x10),
  intValue: plain(ONE_INT64, 0x18),
  doubleValue: plain(ONE_DOUBLE, 0x21),
  arrayValue: message(0x2a, arrayValue),
  kvlistValue: message(0x32, keyValueList),
  bytesValue: plain(ONE_BASE64, 0x3a),
});

const event = new Shape().define({
  timeUnixNano: plain(FIXED64, tag.EVENT_TIME),
  name: plain(TEXT, tag.EVENT_NAME),
  attributes: messages(tag.EVENT_ATTRIBUTE, keyValue),
  droppedAttributesCount: plain(UINT32, tag.EVENT_DROPPED),
});

const link = new Shape().define({
  traceId: plain(HEX, tag.LINK_TRACE_ID),
  spanId: plain(HEX, tag.LINK_SPAN_ID),
  traceState: plain(TEXT, tag.LINK_TRACE_STATE),
  attributes: messages(tag.LINK_ATTRIBUTE, keyValue),
  droppedAttributesCount: plain(UINT32, tag.LINK_DROPPED),
  flags: plain(FIXED32, tag.LINK_FLAGS),
});

const status = new Shape().define({
  message: plain(TEXT, tag.STATUS_MESSAGE),
  code: { ...plain(ENUM, tag.STATUS_CODE), names: codes },
});

const span = new Shape().define({
  traceId: plain(HEX, tag.TRACE_ID),
  spanId: plain(HEX, tag.SPAN_ID),
  traceState: plain(TEXT, tag.TRACE_STATE),
  parentSpanId: plain(HEX, tag.PARENT_SPAN_ID),
  flags: plain(FIXED32, tag.SPAN_FLAGS),
  name: plain(TEXT, tag.SPAN_NAME),
  kind: { ...plain(ENUM, tag.SPAN_KIND), names: kinds },
  startTimeUnixNano: plain(FIXED64, tag.START_TIME),
  endTimeUnixNano: plain(FIXED64, tag.END_TIME),
  attributes: messages(tag.SPAN_ATTRIBUTE, keyValue),
  droppedAttributesCount: plain(UINT32, tag.DROPPED_ATTRIBUTES),
  events: messages(tag.EVENT, event),
  droppedEventsCount: plain(UINT32, tag.DROPPED_EVENTS),
  links: messages(tag.LINK, link),
  droppedLinksCount: plain(UINT32, tag.DROPPED_LINKS),
  status: message(tag.STATUS, status),
});

const scope = new Shape().define({
  name: plain(TEXT, tag.SCOPE_NAME),
  version: plain(TEXT, tag.SCOPE_VERSION),
  attributes: messages(tag.SCOPE_ATTRIBUTE, keyValue),
  droppedAttributesCount: plain(UINT32, tag.SCOPE_DROPPED),
});

const scopeSpans = new Shape().define({
  scope: message(tag.SCOPE, scope),
  spans: messages(tag.SPAN, span, 2),
  schemaUrl: plain(TEXT, tag.SCOPE_SCHEMA_URL),
});

const entityRef = new Shape().define({
  schemaUrl: plain(TEXT, 0x0a),
  type: plain(TEXT, 0x12),
  idKeys: plain(TEXTS, 0x1a),
  descriptionKeys: plain(TEXTS, 0x22),
});

const resource = new Shape().define({
  attributes: messages(tag.RESOURCE_ATTRIBUTE, keyValue),
  droppedAttributesCount: plain(UINT32, tag.RESOURCE_DROPPED),
  entityRefs: messages(0x1a, entityRef),
});

const resourceSpans = new Shape().define({
  resource: message(tag.RESOURCE, resource),
  scopeSpans: messages(tag.SCOPE_SPANS, scopeSpans, 3),
  schemaUrl: plain(TEXT, tag.RESOURCE_SCHEMA_URL),
});

export const exportTraceServiceRequest = new Shape().define({
  resourceSpans: messages(tag.RESOURCE_SPANS, resourceSpans, 3),
});
