/**
 * The messages of a trace as tables, for walking their bytes: field numbers, JSON names, kinds.
 * A test holds them against the generated descriptors.
 */
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT } from "./proto-cursor.ts";

export type FieldKind =
  | "message"
  | "string"
  | "bytes"
  | "bool"
  | "int32"
  | "uint32"
  | "int64"
  | "fixed32"
  | "fixed64"
  | "double"
  | "enum";

export interface ProtoField {
  readonly number: number;
  readonly jsonName: string;
  /** `"jsonName":` in UTF-8. */
  readonly key: Uint8Array;
  readonly kind: FieldKind;
  readonly wire: number;
  readonly repeated: boolean;
  /** A member of a oneof is present even when it is zero or empty. */
  readonly member: boolean;
  /** One bit; members of one oneof share theirs. */
  readonly slot: number;
  readonly message?: () => ProtoShape;
  readonly names?: readonly string[];
}

export interface ProtoShape {
  /** Indexed by field number, with holes. */
  readonly fields: readonly (ProtoField | undefined)[];
}

interface FieldRow {
  readonly repeated?: true;
  readonly message?: () => ProtoShape;
  readonly names?: readonly string[];
}

type Row = readonly [number: number, jsonName: string, kind: FieldKind, more?: FieldRow];

const wires: Record<FieldKind, number> = {
  message: WIRE_BYTES,
  string: WIRE_BYTES,
  bytes: WIRE_BYTES,
  bool: WIRE_VARINT,
  int32: WIRE_VARINT,
  uint32: WIRE_VARINT,
  int64: WIRE_VARINT,
  enum: WIRE_VARINT,
  fixed32: WIRE_FIXED32,
  fixed64: WIRE_FIXED64,
  double: WIRE_FIXED64,
};

function shape(rows: readonly Row[], of: "message" | "oneof" = "message"): ProtoShape {
  const fields: (ProtoField | undefined)[] = [];
  for (const [index, [number, jsonName, kind, more]] of rows.entries()) {
    fields[number] = {
      number,
      jsonName,
      key: new TextEncoder().encode(`"${jsonName}":`),
      kind,
      wire: wires[kind],
      repeated: more?.repeated ?? false,
      member: of === "oneof",
      slot: of === "oneof" ? 1 : 1 << index,
      ...(more?.message && { message: more.message }),
      ...(more?.names && { names: more.names }),
    };
  }
  return { fields };
}

const list = (message: () => ProtoShape): FieldRow => ({ repeated: true, message });

const anyValue: ProtoShape = shape(
  [
    [1, "stringValue", "string"],
    [2, "boolValue", "bool"],
    [3, "intValue", "int64"],
    [4, "doubleValue", "double"],
    [5, "arrayValue", "message", { message: () => arrayValue }],
    [6, "kvlistValue", "message", { message: () => keyValueList }],
    [7, "bytesValue", "bytes"],
    [8, "stringValueStrindex", "int32"],
  ],
  "oneof",
);
const arrayValue = shape([[1, "values", "message", list(() => anyValue)]]);
const keyValueList = shape([[1, "values", "message", list(() => keyValue)]]);
const keyValue: ProtoShape = shape([
  [1, "key", "string"],
  [2, "value", "message", { message: () => anyValue }],
  [3, "keyStrindex", "int32"],
]);

const attributes = list(() => keyValue);
const entityRef = shape([
  [1, "schemaUrl", "string"],
  [2, "type", "string"],
  [3, "idKeys", "string", { repeated: true }],
  [4, "descriptionKeys", "string", { repeated: true }],
]);
export const resource: ProtoShape = shape([
  [1, "attributes", "message", attributes],
  [2, "droppedAttributesCount", "uint32"],
  [3, "entityRefs", "message", list(() => entityRef)],
]);
export const scope: ProtoShape = shape([
  [1, "name", "string"],
  [2, "version", "string"],
  [3, "attributes", "message", attributes],
  [4, "droppedAttributesCount", "uint32"],
]);
const event = shape([
  [1, "timeUnixNano", "fixed64"],
  [2, "name", "string"],
  [3, "attributes", "message", attributes],
  [4, "droppedAttributesCount", "uint32"],
]);
const link = shape([
  [1, "traceId", "bytes"],
  [2, "spanId", "bytes"],
  [3, "traceState", "string"],
  [4, "attributes", "message", attributes],
  [5, "droppedAttributesCount", "uint32"],
  [6, "flags", "fixed32"],
]);

export const statusCodes = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"] as const;
export const spanKinds = [
  "SPAN_KIND_UNSPECIFIED",
  "SPAN_KIND_INTERNAL",
  "SPAN_KIND_SERVER",
  "SPAN_KIND_CLIENT",
  "SPAN_KIND_PRODUCER",
  "SPAN_KIND_CONSUMER",
] as const;

const status = shape([
  [2, "message", "string"],
  [3, "code", "enum", { names: statusCodes }],
]);
export const span: ProtoShape = shape([
  [1, "traceId", "bytes"],
  [2, "spanId", "bytes"],
  [3, "traceState", "string"],
  [4, "parentSpanId", "bytes"],
  [5, "name", "string"],
  [6, "kind", "enum", { names: spanKinds }],
  [7, "startTimeUnixNano", "fixed64"],
  [8, "endTimeUnixNano", "fixed64"],
  [9, "attributes", "message", attributes],
  [10, "droppedAttributesCount", "uint32"],
  [11, "events", "message", list(() => event)],
  [12, "droppedEventsCount", "uint32"],
  [13, "links", "message", list(() => link)],
  [14, "droppedLinksCount", "uint32"],
  [15, "status", "message", { message: () => status }],
  [16, "flags", "fixed32"],
]);
const scopeSpans = shape([
  [1, "scope", "message", { message: () => scope }],
  [2, "spans", "message", list(() => span)],
  [3, "schemaUrl", "string"],
]);
const resourceSpans: ProtoShape = shape([
  [1, "resource", "message", { message: () => resource }],
  [2, "scopeSpans", "message", list(() => scopeSpans)],
  [3, "schemaUrl", "string"],
]);

/** tempopb.Trace, an OTLP TracesData. */
export const trace: ProtoShape = shape([
  [1, "resourceSpans", "message", list(() => resourceSpans)],
]);

/** The same under the name that Tempo's first API has for its only field. */
export const traceV1: ProtoShape = shape([[1, "batches", "message", list(() => resourceSpans)]]);
