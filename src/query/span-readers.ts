/**
 * Fields of one encoded span, read for an expression: what the engine reads from columns, read
 * from the span's bytes instead. For the filter of a trace by id, whose spans are at hand as bytes.
 */
import { assert } from "../base/assert.ts";
import type { DataValue } from "../model/data-value.ts";
import type { Field, IntrinsicName, KindName, StatusName } from "../traceql/ast.ts";
import { type Pair, readPair } from "./any-value.ts";
import type { Reader, Readers } from "./compile.ts";
import { hexAt } from "./field-columns.ts";
import { ProtoCursor, WIRE_BYTES, WIRE_FIXED64 } from "./proto-cursor.ts";
import type { Value } from "./question.ts";
import type { ListScope, Source } from "./segment.ts";
import { NIL } from "./value-compare.ts";

/** An event or a link. */
interface Entry {
  readonly attributes: ReadonlyMap<string, DataValue>;
  readonly name: string;
  readonly timeUnixNano: bigint;
  readonly traceId: string;
  readonly spanId: string;
}

export interface ReadSpan {
  readonly resource: Source;
  readonly scope: Source;
  readonly attributes: ReadonlyMap<string, DataValue>;
  /** Hex, of eight bytes; a span without a parent has sixteen zeros. */
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: KindName;
  readonly status: StatusName;
  readonly statusMessage: string;
  readonly startUnixNano: bigint;
  readonly durationNano: bigint;
  readonly event: readonly Entry[];
  readonly link: readonly Entry[];
}

/** Those that `spanReaders` knows: what a span says of itself, without the rest of its trace. */
export const SPAN_INTRINSICS: ReadonlySet<IntrinsicName> = new Set<IntrinsicName>([
  ...(["duration", "name", "status", "statusMessage", "kind"] as const),
  ...(["span:id", "span:parentID", "event:name", "event:timeSinceStart"] as const),
  ...(["link:spanID", "link:traceID"] as const),
  ...(["instrumentation:name", "instrumentation:version"] as const),
]);

const STATUSES: readonly StatusName[] = ["unset", "ok", "error"];
const KINDS: readonly KindName[] = [
  ...(["unspecified", "internal", "server", "client", "producer", "consumer"] as const),
];
const SERVICE_NAME = "service.name";
const NO_ID = "0".repeat(16);
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A Span message of OTLP. Throws `block_corrupt`. */
export function readSpan(message: Uint8Array, resource: Source, scope: Source): ReadSpan {
  const texts = new Map<number, string>();
  const lists = { event: [] as Entry[], link: [] as Entry[] };
  const pairs: Pair[] = [];
  const times = new Map<number, bigint>();
  let [id, parentId, kind, status, statusMessage] = [NO_ID, NO_ID, 0, 0, ""];
  eachField(message, {
    bytes: (field, value) => {
      if (field === 2) id = idOf(value);
      else if (field === 4) parentId = idOf(value);
      else if (field === 5) texts.set(field, utf8.decode(value));
      else if (field === 9) pairs.push(readPair(value));
      else if (field === 11) lists.event.push(readEntry(value, { name: 2, attributes: 3 }));
      else if (field === 13) lists.link.push(readEntry(value, { ids: 1, attributes: 4 }));
      else if (field === 15) {
        eachField(value, {
          bytes: (inner, text) => {
            if (inner === 2) statusMessage = utf8.decode(text);
          },
          varint: (inner, code) => {
            if (inner === 3) status = code;
          },
        });
      }
    },
    varint: (field, value) => {
      if (field === 6) kind = value;
    },
    fixed64: (field, value) => times.set(field, value),
  });
  const startUnixNano = times.get(7) ?? 0n;
  return {
    ...{ resource, scope, id, parentId, statusMessage, startUnixNano },
    attributes: firstOfEach(pairs),
    name: texts.get(5) ?? "",
    kind: KINDS[kind] ?? "unspecified",
    status: STATUSES[status] ?? "unset",
    durationNano: BigInt.asIntN(64, (times.get(8) ?? 0n) - startUnixNano),
    ...lists,
  };
}

/** What an expression with these fields reads; `current` gives the span at hand. */
export function spanReaders(fields: readonly Field[], current: () => ReadSpan): Readers {
  const count = (scope: ListScope) => current()[scope].length;
  return {
    fields: fields.map((field): Reader => {
      if (field.node === "intrinsic") return (spot) => intrinsic(field.name, current(), spot);
      const { scope, name } = field;
      const isList = scope === "event" || scope === "link";
      return (spot) => {
        const span = current();
        if (isList) return span[scope][spot[scope]]?.attributes.get(name) ?? NIL;
        return attribute(span, scope, name);
      };
    }),
    first: () => 0,
    end: count,
    valueEnd: count,
  };
}

function attribute(
  { attributes, resource, scope: instrumentation }: ReadSpan,
  scope: "none" | "resource" | "span" | "instrumentation",
  name: string,
): Value {
  const ofSpan = scope === "none" || scope === "span" ? attributes.get(name) : undefined;
  if (ofSpan !== undefined && ofSpan.type !== "nil") return ofSpan;
  if (scope === "instrumentation") return instrumentation.attributes.get(name) ?? NIL;
  if (scope === "span") return NIL;
  const missing: Value = name === SERVICE_NAME ? { type: "string", value: "" } : NIL;
  return resource.attributes.get(name) ?? missing;
}

function intrinsic(
  name: IntrinsicName,
  span: ReadSpan,
  { event, link }: { readonly event: number; readonly link: number },
): Value {
  switch (name) {
    case "duration":
      return { type: "duration", value: span.durationNano };
    case "name":
      return text(span.name);
    case "status":
      return { type: "status", value: span.status };
    case "statusMessage":
      return text(span.statusMessage);
    case "kind":
      return { type: "kind", value: span.kind };
    case "span:id":
      return text(span.id);
    case "span:parentID":
      return text(span.parentId);
    case "instrumentation:name":
      return text(span.scope.name);
    case "instrumentation:version":
      return text(span.scope.version);
    case "event:name":
      return event in span.event ? text(span.event[event].name) : NIL;
    case "event:timeSinceStart": {
      if (!(event in span.event)) return NIL;
      const nano = BigInt.asIntN(64, span.event[event].timeUnixNano - span.startUnixNano);
      return { type: "duration", value: nano };
    }
    case "link:traceID":
      return link in span.link ? text(span.link[link].traceId.replace(/^0+/, "")) : NIL;
    case "link:spanID":
      return link in span.link ? text(span.link[link].spanId) : NIL;
    default:
      assert(false, `query: ${name} of a span alone`);
  }
}

/** Field numbers: of a text, of two ids behind each other, of the attributes. */
interface EntryFields {
  readonly name?: number;
  readonly ids?: number;
  readonly attributes: number;
}

function readEntry(message: Uint8Array, numbers: EntryFields): Entry {
  const pairs: Pair[] = [];
  let [name, traceId, spanId, timeUnixNano] = ["", "", "", 0n];
  eachField(message, {
    bytes: (field, value) => {
      if (field === numbers.attributes) pairs.push(readPair(value));
      else if (field === numbers.name) name = utf8.decode(value);
      else if (numbers.ids === undefined) return;
      else if (field === numbers.ids) traceId = hexAt(value, 0, value.length);
      else if (field === numbers.ids + 1) spanId = hexAt(value, 0, value.length);
    },
    fixed64: (field, value) => {
      if (field === 1) timeUnixNano = value;
    },
  });
  return { attributes: firstOfEach(pairs), name, traceId, spanId, timeUnixNano };
}

interface FieldVisitor {
  readonly bytes?: (field: number, value: Uint8Array) => void;
  readonly varint?: (field: number, value: number) => void;
  readonly fixed64?: (field: number, value: bigint) => void;
}

function eachField(message: Uint8Array, visit: FieldVisitor): void {
  const cursor = new ProtoCursor(message);
  while (cursor.at < message.length) {
    const tag = cursor.tag(message.length);
    const start = cursor.at;
    cursor.skip(tag & 7, message.length);
    const field = tag >>> 3;
    if ((tag & 7) === WIRE_BYTES) {
      visit.bytes?.(field, message.subarray(cursor.at - cursor.low, cursor.at));
    } else if ((tag & 7) === WIRE_FIXED64) {
      visit.fixed64?.(field, cursor.view.getBigUint64(start, true));
    } else if ((tag & 7) === 0) visit.varint?.(field, cursor.low);
  }
}

/** Of equal keys the first one counts. */
function firstOfEach(pairs: readonly Pair[]): Map<string, DataValue> {
  const found = new Map<string, DataValue>();
  for (const { key, value } of pairs) if (!found.has(key)) found.set(key, value);
  return found;
}

function idOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? NO_ID : hexAt(bytes, 0, bytes.length);
}

function text(value: string): Value {
  return { type: "string", value };
}
