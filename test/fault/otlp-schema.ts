/**
 * The messages of an ExportTraceServiceRequest as a table: what the mutator takes apart and the
 * judge walks. Written from the .proto files and from nothing of the kernel.
 */

export type Wire = "varint" | "fixed64" | "fixed32" | "bytes";

export interface Field {
  readonly name: string;
  readonly wire: Wire;
  /** The message that a "bytes" field holds. */
  readonly message?: MessageName;
  /** A "bytes" field that must be UTF-8. */
  readonly text?: true;
  /** Lengths that a "bytes" field may have; else the span is rejected. */
  readonly lengths?: readonly number[];
}

export type MessageName =
  | "request"
  | "resourceSpans"
  | "resource"
  | "scopeSpans"
  | "scope"
  | "span"
  | "event"
  | "link"
  | "status"
  | "keyValue"
  | "anyValue"
  | "entityRef"
  | "array"
  | "kvlist";

const text = (name: string): Field => ({ name, wire: "bytes", text: true });
const inner = (name: string, message: MessageName): Field => ({ name, wire: "bytes", message });
const varint = (name: string): Field => ({ name, wire: "varint" });
const fixed64 = (name: string): Field => ({ name, wire: "fixed64" });
const fixed32 = (name: string): Field => ({ name, wire: "fixed32" });
const id = (name: string, ...lengths: number[]): Field => ({ name, wire: "bytes", lengths });

/** By field number. Fields that are not here are unknown to the kernel and skipped. */
export const SCHEMA: Readonly<Record<MessageName, Readonly<Record<number, Field>>>> = {
  request: { 1: inner("resource_spans", "resourceSpans") },
  resourceSpans: {
    1: inner("resource", "resource"),
    2: inner("scope_spans", "scopeSpans"),
    3: text("schema_url"),
  },
  resource: {
    1: inner("attributes", "keyValue"),
    2: varint("dropped_attributes_count"),
    3: inner("entity_refs", "entityRef"),
  },
  entityRef: {
    1: text("schema_url"),
    2: text("type"),
    3: text("id_keys"),
    4: text("description_keys"),
  },
  scopeSpans: {
    1: inner("scope", "scope"),
    2: inner("spans", "span"),
    3: text("schema_url"),
  },
  scope: {
    1: text("name"),
    2: text("version"),
    3: inner("attributes", "keyValue"),
    4: varint("dropped_attributes_count"),
  },
  span: {
    1: id("trace_id", 16),
    2: id("span_id", 8),
    3: text("trace_state"),
    4: id("parent_span_id", 0, 8),
    5: text("name"),
    6: varint("kind"),
    7: fixed64("start_time_unix_nano"),
    8: fixed64("end_time_unix_nano"),
    9: inner("attributes", "keyValue"),
    10: varint("dropped_attributes_count"),
    11: inner("events", "event"),
    12: varint("dropped_events_count"),
    13: inner("links", "link"),
    14: varint("dropped_links_count"),
    15: inner("status", "status"),
    16: fixed32("flags"),
  },
  event: {
    1: fixed64("time_unix_nano"),
    2: text("name"),
    3: inner("attributes", "keyValue"),
    4: varint("dropped_attributes_count"),
  },
  link: {
    1: id("trace_id", 0, 16),
    2: id("span_id", 0, 8),
    3: text("trace_state"),
    4: inner("attributes", "keyValue"),
    5: varint("dropped_attributes_count"),
    6: fixed32("flags"),
  },
  status: { 2: text("message"), 3: varint("code") },
  keyValue: { 1: text("key"), 2: inner("value", "anyValue"), 3: varint("key_strindex") },
  anyValue: {
    1: text("string_value"),
    2: varint("bool_value"),
    3: varint("int_value"),
    4: fixed64("double_value"),
    5: inner("array_value", "array"),
    6: inner("kvlist_value", "kvlist"),
    7: { name: "bytes_value", wire: "bytes" },
    8: varint("string_value_strindex"),
  },
  array: { 1: inner("values", "anyValue") },
  kvlist: { 1: inner("values", "keyValue") },
};

export const WIRE_TYPES: Readonly<Record<Wire, number>> = {
  varint: 0,
  fixed64: 1,
  bytes: 2,
  fixed32: 5,
};
