/**
 * Requests of the synthetic shop that can be sent over and over: each time with other ids, at
 * another time, with durations that differ by up to 4 µs, so that nothing repeats.
 *
 * A share of the traces comes in two parts. The second one is a request of its own, to be sent
 * when the first has been cut into a block.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { resourceOf, ShopModel, type ShopSpan } from "./shop-model.ts";

export interface ShopOptions {
  readonly seed: number;
  readonly requests: number;
  /** At least; traces are whole. */
  readonly spans: number;
  /** One in so many traces comes in two parts; 0: none. */
  readonly splitOneIn: number;
}

export interface ShopPair {
  readonly early: Template;
  /** The other parts of its split traces. */
  readonly late: Template | undefined;
}

/** When the templates' traces begin, within a second. */
const BASE_NS = 1_700_000_000_000_000_000n;
const SECOND_NS = 1_000_000_000;

export function shopRequests({ seed, requests, spans, splitOneIn }: ShopOptions): ShopPair[] {
  const model = new ShopModel(seed);
  let traces = 0;
  return Array.from({ length: requests }, () => {
    const early: ShopSpan[] = [];
    const late: ShopSpan[] = [];
    while (early.length + late.length < spans) {
      const offset = BigInt((traces * 7_919_317) % SECOND_NS);
      const trace = model.trace(BASE_NS + offset);
      const isSplit = splitOneIn > 0 && traces % splitOneIn === 0;
      const half = isSplit ? Math.ceil(trace.length / 2) : trace.length;
      early.push(...trace.slice(0, half));
      late.push(...trace.slice(half));
      traces += 1;
    }
    return { early: encode(early), late: late.length === 0 ? undefined : encode(late) };
  });
}

function encode(spans: readonly ShopSpan[]): Template {
  const instances = Map.groupBy(spans, ({ service, pod }) => `${service}/${pod}`);
  const resourceSpans = Array.from(instances.values(), (own) => {
    const [{ service, pod }] = own;
    return {
      resource: { attributes: resourceOf(service, pod) },
      schemaUrl: "https://opentelemetry.io/schemas/1.27.0",
      scopeSpans: [
        {
          scope: { name: `io.shop.${service}`, version: `0.9.${service.length}` },
          spans: own.map(({ span }) => span),
        },
      ],
    };
  });
  const message = create(ExportTraceServiceRequestSchema, { resourceSpans });
  return new Template(toBinary(ExportTraceServiceRequestSchema, message), spans.length);
}

/** Field numbers on the way to what changes: of a span, its events and links. */
const SPANS_PATH = [1, 2, 2];
const TRACE_ID = 1;
const SPAN_ID = 2;
const PARENT_ID = 4;
const START = 7;
const END = 8;
const EVENTS = 11;
const LINKS = 13;

export interface Stamp {
  /** The same one for both parts of a request, another one for each sending. */
  readonly round: number;
  /** When the template's first second begins. */
  readonly atNano: bigint;
}

export class Template {
  readonly spans: number;
  readonly #bytes: Uint8Array;
  readonly #ids: number[] = [];
  readonly #times: number[] = [];
  readonly #ends: number[] = [];

  constructor(bytes: Uint8Array, spans: number) {
    this.#bytes = bytes;
    this.spans = spans;
    this.#index({ from: 0, to: bytes.length }, SPANS_PATH);
  }

  stamped({ round, atNano }: Stamp): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#bytes);
    const view = new DataView(bytes.buffer);
    const low = Math.imul(round, 0x9e3779b1);
    const high = Math.imul(round, 0x85ebca77) ^ (round >>> 3);
    for (const at of this.#ids) {
      view.setUint32(at, view.getUint32(at) ^ low);
      view.setUint32(at + 4, view.getUint32(at + 4) ^ high);
    }
    const shift = atNano - BASE_NS;
    for (const at of this.#times) {
      view.setBigUint64(at, view.getBigUint64(at, true) + shift, true);
    }
    let jitter = low | 1;
    for (const at of this.#ends) {
      jitter ^= jitter << 13;
      jitter ^= jitter >>> 17;
      jitter ^= jitter << 5;
      view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(jitter & 4095), true);
    }
    return bytes;
  }

  /** Walks down the path of field numbers to the spans. */
  #index(range: Range, path: readonly number[]): void {
    for (const field of fieldsOf(this.#bytes, range)) {
      if (path.length === 0) this.#spanField(field);
      else if (field.number === path[0]) this.#index(field, path.slice(1));
    }
  }

  #spanField(field: Field): void {
    const { number, from, to } = field;
    if (number === TRACE_ID) this.#ids.push(from);
    else if ((number === SPAN_ID || number === PARENT_ID) && to > from) this.#ids.push(from);
    else if (number === START) this.#times.push(from);
    else if (number === END) {
      this.#times.push(from);
      this.#ends.push(from);
    } else if (number === EVENTS) {
      for (const inner of fieldsOf(this.#bytes, field)) {
        if (inner.number === 1) this.#times.push(inner.from);
      }
    } else if (number === LINKS) {
      for (const inner of fieldsOf(this.#bytes, field)) {
        if (inner.number === 1 || inner.number === 2) this.#ids.push(inner.from);
      }
    }
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

interface Field extends Range {
  readonly number: number;
}

/** The fields of a message that we encoded ourselves; where their content lies. */
function* fieldsOf(bytes: Uint8Array, { from, to }: Range): Iterable<Field> {
  let at = from;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < to) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const start = at;
    if (tag % 8 === 2) {
      const length = varint();
      yield { number, from: at, to: at + length };
      at += length;
      continue;
    }
    if (tag % 8 === 1) at += 8;
    else if (tag % 8 === 5) at += 4;
    else varint();
    yield { number, from: start, to: at };
  }
}
