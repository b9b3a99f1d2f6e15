/**
 * OTLP's JSON read the slow way, from a tree of the runtime's own parser: what a body means, or
 * that it is malformed. It shares nothing with the receiver but the definition.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import {
  type AnyValueSchema,
  ArrayValueSchema,
  KeyValueListSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";

/** How a number is written. */
class Digits {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

export class MalformedBody extends Error {}
/** What it means is not defined: a field that is given twice. */
export class AmbiguousBody extends Error {}

/** Deeper values are cut off by the receiver, and their spans rejected by the kernel. */
const DEPTH_MAX = 90;

export function readOtlpJson(text: string): ExportTraceServiceRequest {
  const tree = parse(text);
  const request = object(tree, {
    resourceSpans: (value) => array(value, resourceSpans),
  });
  return create(ExportTraceServiceRequestSchema, request);
}

/** The runtime hands over how a value is written, which the types do not know yet. */
const parseJson = JSON.parse as (
  text: string,
  revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

function parse(text: string): unknown {
  let keys = 0;
  const tree = parseJson(text, (_key, value, { source }) => {
    if (typeof value === "number") return new Digits(source ?? "");
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      if (!(value instanceof Digits)) keys += Object.keys(value).length;
    }
    return value;
  });
  const colons = text.replace(/"(?:[^"\\]|\\.)*"/gs, "").split(":").length - 1;
  if (colons !== keys) throw new AmbiguousBody();
  return tree;
}

type Fields = Readonly<Record<string, (value: unknown) => unknown>>;

/** Absent fields are not there at all. */
function object<F extends Fields>(
  value: unknown,
  fields: F,
): { [K in keyof F]?: ReturnType<F[K]> } {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new MalformedBody();
  if (value instanceof Digits) throw new MalformedBody();
  const read: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const key = Object.keys(fields).find((one) => one === name || snake(one) === name);
    if (key === undefined || inner === null) continue;
    if (Object.hasOwn(read, key)) throw new AmbiguousBody();
    read[key] = fields[key](inner);
  }
  // Each was read by its own reader.
  return read as { [K in keyof F]?: ReturnType<F[K]> };
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function array<Item>(value: unknown, read: (item: unknown) => Item): Item[] {
  if (!Array.isArray(value)) throw new MalformedBody();
  return value.map(read);
}

const resourceSpans = (value: unknown) =>
  object(value, {
    resource: (inner) =>
      object(inner, {
        attributes,
        droppedAttributesCount: uint32,
        entityRefs: (refs) =>
          array(refs, (ref) =>
            object(ref, {
              ...{ schemaUrl: text, type: text },
              idKeys: (keys) => array(keys, text),
              descriptionKeys: (keys) => array(keys, text),
            }),
          ),
      }),
    scopeSpans: (inner) => array(inner, scopeSpans),
    schemaUrl: text,
  });

const scopeSpans = (value: unknown) =>
  object(value, {
    scope: (inner) =>
      object(inner, { name: text, version: text, attributes, droppedAttributesCount: uint32 }),
    spans: (inner) => array(inner, span),
    schemaUrl: text,
  });

const span = (value: unknown) =>
  object(value, {
    ...{ traceId: id, spanId: id, traceState: text, parentSpanId: id, flags: uint32, name: text },
    kind: enumOf("SPAN_KIND_UNSPECIFIED INTERNAL SERVER CLIENT PRODUCER CONSUMER"),
    ...{ startTimeUnixNano: uint64, endTimeUnixNano: uint64, attributes },
    droppedAttributesCount: uint32,
    events: (inner) =>
      array(inner, (one) =>
        object(one, {
          timeUnixNano: uint64,
          name: text,
          attributes,
          droppedAttributesCount: uint32,
        }),
      ),
    droppedEventsCount: uint32,
    links: (inner) =>
      array(inner, (one) =>
        object(one, {
          ...{ traceId: id, spanId: id, traceState: text, attributes },
          ...{ droppedAttributesCount: uint32, flags: uint32 },
        }),
      ),
    droppedLinksCount: uint32,
    status: (inner) => object(inner, { message: text, code: enumOf("STATUS_CODE_UNSET OK ERROR") }),
  });

function attributes(value: unknown) {
  return array(value, (one) => keyValue(one, 0));
}

interface Pair {
  key?: string;
  value?: MessageInitShape<typeof AnyValueSchema>;
}

function keyValue(value: unknown, depth: number): Pair {
  return object(value, { key: text, value: (inner) => anyValue(inner, depth) });
}

type Value = MessageInitShape<typeof AnyValueSchema>;

function anyValue(value: unknown, depth: number): Value {
  if (depth > DEPTH_MAX) throw new AmbiguousBody();
  const read = object(value, {
    stringValue: text,
    boolValue: bool,
    intValue: int64,
    doubleValue: double,
    arrayValue: (inner) =>
      create(ArrayValueSchema, {
        ...object(inner, { values: (all) => array(all, (one) => anyValue(one, depth + 2)) }),
      }),
    kvlistValue: (inner) =>
      create(KeyValueListSchema, {
        ...object(inner, { values: (all) => array(all, (one) => keyValue(one, depth + 3)) }),
      }),
    bytesValue: base64,
  });
  // The last one counts; entries are in their order.
  const last = Object.entries(read).at(-1);
  return { value: last && ({ case: last[0], value: last[1] } as Value["value"]) } as Value;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new MalformedBody();
  return value.toWellFormed();
}

function bool(value: unknown): boolean {
  if (typeof value !== "boolean") throw new MalformedBody();
  return value;
}

/** A wrong id is one of a single byte. */
function id(value: unknown): Uint8Array<ArrayBuffer> {
  const hex = text(value);
  if (!/^(?:[0-9a-f]{2}){0,32}$/i.test(hex)) return new Uint8Array(1);
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function base64(value: unknown): Uint8Array<ArrayBuffer> {
  const encoded = text(value);
  const digits = encoded.length % 4 === 0 ? encoded.replace(/={1,2}$/, "") : encoded;
  if (!/^[\w+/-]*$/.test(digits) || digits.length % 4 === 1) throw new MalformedBody();
  return new Uint8Array(Buffer.from(digits, "base64"));
}

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

function digitsOf(value: unknown): string {
  const source = value instanceof Digits ? value.source : typeof value === "string" ? value : "";
  if (!NUMBER.test(source)) throw new MalformedBody();
  return source;
}

function integer(value: unknown): bigint {
  const source = digitsOf(value);
  const [, sign, whole, fraction = "", exponent = "0"] = NUMBER.exec(source) ?? [];
  if (/^\d+$/.test(whole) && fraction === "" && exponent === "0" && !/e/i.test(source)) {
    return BigInt(sign + whole);
  }
  if (source.length > 4000) throw new MalformedBody();
  const digits = (whole + fraction).replace(/0+$/, "");
  if (/^0*$/.test(digits)) return 0n;
  const power = Number(exponent) - fraction.length + (whole + fraction).length - digits.length;
  if (power < 0 || power > 22) throw new MalformedBody();
  return BigInt(sign + digits) * 10n ** BigInt(power);
}

function within(value: unknown, least: bigint, greatest: bigint): bigint {
  const read = integer(value);
  if (read < least || read > greatest) throw new MalformedBody();
  return read;
}

const int64 = (value: unknown) => within(value, -(2n ** 63n), 2n ** 63n - 1n);
const uint64 = (value: unknown) => within(value, 0n, 2n ** 64n - 1n);
const uint32 = (value: unknown) => Number(within(value, 0n, 2n ** 32n - 1n));

function double(value: unknown): number {
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  const read = Number(digitsOf(value));
  if (!Number.isFinite(read)) throw new MalformedBody();
  return read;
}

/** Names behind the first one's prefix. */
function enumOf(list: string): (value: unknown) => 0 {
  const [first, ...rest] = list.split(" ");
  const prefix = first.slice(0, first.lastIndexOf("_") + 1);
  const names = [first, ...rest.map((name) => prefix + name)];
  return (value) => {
    const at = typeof value === "string" ? names.indexOf(value) : -1;
    if (at >= 0) return at as 0;
    if (typeof value === "string") throw new MalformedBody();
    // Enums are open: any number of 32 bits is one.
    return Number(within(value, -(2n ** 31n), 2n ** 31n - 1n)) as 0;
  };
}
