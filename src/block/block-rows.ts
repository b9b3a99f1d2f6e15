/**
 * Spans out of decoded columns: of each row its own fields, and its attributes, events and links
 * in the order in which they were sent.
 */
import type { AttributeValue, EventRow, LinkRow, SpanRow } from "../model/span-row.ts";
import { arrayMessage } from "./array-message.ts";
import { blockCorrupt } from "./block-error.ts";
import type {
  AttributeColumn,
  BlockLayout,
  EventColumn,
  LinkColumn,
  ScopeLayout,
} from "./block-layout.ts";
import type { ColumnRows, ColumnValue } from "./parquet-decode.ts";
import type { SourceMessages } from "./source-messages.ts";

/** Decoded rows of columns, by place in the file; all of them of the same rows. */
export type Columns = ReadonlyMap<number, ColumnRows>;

const NO_BYTES = new Uint8Array(0);
const NO_ORDER: readonly number[] = [];

/** Columns of one scope, as far as they were read. An entry is a span, or one event or link. */
export class ScopeRows<Name extends string> {
  readonly #layout: ScopeLayout<Name>;
  readonly #columns: Columns;
  readonly #named = new Map<Name, ColumnRows>();
  readonly #orders = new Map<Uint8Array, readonly number[]>();

  constructor(layout: ScopeLayout<Name>, columns: Columns) {
    this.#layout = layout;
    this.#columns = columns;
    for (const [name, place] of layout.places) {
      const column = columns.get(place);
      if (column !== undefined) this.#named.set(name, column);
    }
  }

  column(name: Name): ColumnRows | undefined {
    return this.#named.get(name);
  }

  bytes(name: Name, entry: number): Uint8Array {
    return this.bytesOrNone(name, entry) ?? NO_BYTES;
  }

  bytesOrNone(name: Name, entry: number): Uint8Array | undefined {
    const value = this.#value(name, entry);
    if (value === undefined) return undefined;
    if (value instanceof Uint8Array) return value;
    throw blockCorrupt(`column ${name}: type`);
  }

  /** Unsigned, 32 bits; 0 when missing. */
  uint(name: Name, entry: number): number {
    const value = this.#value(name, entry) ?? 0;
    if (typeof value === "number") return value >>> 0;
    throw blockCorrupt(`column ${name}: type`);
  }

  long(name: Name, entry: number): bigint {
    const value = this.#value(name, entry);
    if (typeof value === "bigint") return value;
    throw blockCorrupt(`column ${name}: no value`);
  }

  /** Numbers of attribute columns, 0 for an entry of the residual. */
  order(entry: number): readonly number[] {
    const bytes = this.bytesOrNone("attribute_order" as Name, entry);
    if (bytes === undefined) return NO_ORDER;
    let order = this.#orders.get(bytes);
    if (order === undefined) {
      order = readOrder(bytes, this.#layout.attributes.length);
      this.#orders.set(bytes, order);
    }
    return order;
  }

  attributes(entry: number): AttributeValue[] {
    const order = this.order(entry);
    const residual = this.bytes("residual" as Name, entry);
    const attributes: AttributeValue[] = [];
    let at = 0;
    for (const number of order) {
      if (number > 0) {
        attributes.push(this.#attribute(this.#layout.attributes[number - 1], entry));
        continue;
      }
      const field = keyValueAt(residual, at);
      attributes.push({ type: "raw", raw: residual.subarray(field.from, field.end) });
      at = field.end;
    }
    if (at !== residual.length) throw blockCorrupt("residual has more than its order");
    return attributes;
  }

  #value(name: Name, entry: number): ColumnValue | undefined {
    return this.#named.get(name)?.values[entry];
  }

  #attribute({ column, key, type, isArray }: AttributeColumn, entry: number): AttributeValue {
    const rows = this.#columns.get(column);
    if (rows === undefined) throw blockCorrupt("attribute column was not read");
    if (isArray) return { type: "array", key, value: arrayMessage(rows, entry, type) };
    const value = rows.values[entry];
    if (type === "string" && value instanceof Uint8Array) return { type, key, value };
    if (type === "int" && typeof value === "bigint") return { type, key, value };
    if (type === "double" && typeof value === "number") return { type, key, value };
    if (type === "bool" && typeof value === "boolean") return { type, key, value };
    throw blockCorrupt("attribute that its column does not have");
  }
}

/** Column numbers, LEB128 each. */
function readOrder(bytes: Uint8Array, columns: number): number[] {
  const order: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { value, end } = varintAt(bytes, at);
    if (value > columns) throw blockCorrupt("attribute order names no column");
    order.push(value);
    at = end;
  }
  return order;
}

const KEY_VALUE_TAG = 0x0a;

/** The KeyValue message of the field that begins at `at`. */
function keyValueAt(bytes: Uint8Array, at: number): { from: number; end: number } {
  if (bytes[at] !== KEY_VALUE_TAG) throw blockCorrupt("residual has fewer than its order");
  const { value: length, end: from } = varintAt(bytes, at + 1);
  if (length > bytes.length - from) throw blockCorrupt("residual cut off");
  return { from, end: from + length };
}

function varintAt(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let i = at; i < Math.min(bytes.length, at + 5); i++) {
    value += (bytes[i] & 127) * scale;
    if (bytes[i] < 128) return { value, end: i + 1 };
    scale *= 128;
  }
  throw blockCorrupt("number cut off");
}

export interface RowsRequest {
  readonly layout: BlockLayout;
  readonly columns: Columns;
  readonly rows: number;
  /** Kept from window to window, so that equal sources stay one object. */
  readonly sources: SourceMessages;
}

/** The spans of rows 0 to `rows` - 1 of the columns. */
export function spanRows({ layout, columns, rows, sources }: RowsRequest): SpanRow[] {
  const span = new ScopeRows(layout.span, columns);
  const events = new ScopeRows(layout.event, columns);
  const links = new ScopeRows(layout.link, columns);
  checkAligned(layout.event, columns);
  checkAligned(layout.link, columns);
  const found: SpanRow[] = [];
  for (let row = 0; row < rows; row++) {
    found.push({
      spanId: span.bytes("span_id", row),
      parentSpanId: span.bytesOrNone("parent_span_id", row),
      traceState: span.bytes("trace_state", row),
      name: span.bytes("name", row),
      kind: span.uint("kind", row) | 0,
      startUnixNano: BigInt.asUintN(64, span.long("start_unix_nano", row)),
      durationNano: span.long("duration_nano", row),
      statusCode: span.uint("status_code", row) | 0,
      statusMessage: span.bytes("status_message", row),
      flags: span.uint("flags", row),
      droppedAttributes: span.uint("dropped_attributes_count", row),
      droppedEvents: span.uint("dropped_events_count", row),
      droppedLinks: span.uint("dropped_links_count", row),
      attributes: span.attributes(row),
      events: listOf(events.column("time_unix_nano"), row, (entry) => eventAt(events, entry)),
      links: listOf(links.column("span_id"), row, (entry) => linkAt(links, entry)),
      otlp: span.bytesOrNone("span_otlp", row),
      resource: sources.resource({
        otlp: span.bytesOrNone("resource_otlp", row),
        json: span.bytes("resource", row),
        schemaUrl: span.bytes("resource_schema_url", row),
      }),
      scope: sources.scope({
        otlp: span.bytesOrNone("scope_otlp", row),
        name: span.bytes("scope_name", row),
        version: span.bytes("scope_version", row),
        schemaUrl: span.bytes("scope_schema_url", row),
      }),
    });
  }
  return found;
}

function eventAt(events: ScopeRows<EventColumn>, entry: number): EventRow {
  return {
    timeUnixNano: BigInt.asUintN(64, events.long("time_unix_nano", entry)),
    name: events.bytes("name", entry),
    droppedAttributes: events.uint("dropped_attributes_count", entry),
    attributes: events.attributes(entry),
  };
}

function linkAt(links: ScopeRows<LinkColumn>, entry: number): LinkRow {
  return {
    traceId: links.bytes("trace_id", entry),
    spanId: links.bytes("span_id", entry),
    traceState: links.bytes("trace_state", entry),
    flags: links.uint("flags", entry),
    droppedAttributes: links.uint("dropped_attributes_count", entry),
    attributes: links.attributes(entry),
  };
}

/** `column` is a required one of the elements; an empty list is one entry without a value. */
function listOf<T>(column: ColumnRows | undefined, row: number, at: (entry: number) => T): T[] {
  if (column === undefined) return [];
  const first = column.starts[row];
  const end = column.starts[row + 1];
  if (end - first === 1 && column.definitions[first] === 0) return [];
  const found: T[] = [];
  for (let entry = first; entry < end; entry++) {
    if (column.definitions[entry] === 0) throw blockCorrupt("list has a place without an element");
    found.push(at(entry));
  }
  return found;
}

/** Columns of one list must agree on how many elements each row has. */
function checkAligned<Name extends string>(layout: ScopeLayout<Name>, columns: Columns): void {
  const places = [...layout.places.values(), ...layout.attributes.map(({ column }) => column)];
  let first: ColumnRows | undefined;
  for (const place of places) {
    const column = columns.get(place);
    if (column === undefined) continue;
    first ??= column;
    const { starts } = first;
    if (column !== first && !column.starts.every((start, row) => start === starts[row])) {
      throw blockCorrupt("columns of a list disagree");
    }
  }
}
