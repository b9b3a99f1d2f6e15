/**
 * Spans of Zipkin as no sane client sends them, but its formats allow; the same spans in every
 * format of their version.
 */
import type { Prng } from "../../src/base/prng.ts";
import {
  bigEndian,
  bool,
  bytesField,
  fixed64Field,
  i16,
  i32,
  i64,
  list,
  messageField,
  protoMessage,
  string,
  struct,
  type ThriftFields,
  thriftList,
  varintField,
} from "../receive/zipkin-bodies.ts";

const TEXTS = [
  "",
  "a",
  "GET /",
  "naïve",
  "漢字",
  "😀",
  '\u0000\n"\\/',
  "y".repeat(140),
  "true",
  "-12",
];
const [TRACE_ID, SPAN_ID] = ["0123456789abcdef".repeat(2), "fedcba9876543210"];
/** As the Collector's exporter packs events and links, and what looks so. */
const PACKED = [
  'name|{"k":9007199254740993,"l":[1,{"m":null}],"s":"a|\\u003c"}|3',
  `deep|{"k":${"[".repeat(33)}${"]".repeat(33)}}|0`,
  'x|{"\\u0061":"b"]}|0',
  "|{}|4294967295",
  `${TRACE_ID}|${SPAN_ID}|a=b|{"k":-1.5,"s":"é"}|1`,
  `${TRACE_ID}|${SPAN_ID}||{}|0`,
  `${TRACE_ID}|${SPAN_ID}||{}}|0`,
];
const KEYS = ["", "k", "http.path", "error", "otel.status_code", "otel.scope.name", "service.name"];
const MORE_KEYS = ["host.name", "peer.service", "net.peer.port", "span.kind", "w3c.tracestate"];
const LINK_KEYS = ["otlp.link.0", "otlp.link.1", "otlp.link.10", "otlp.link.x"];
const KINDS = ["CLIENT", "SERVER", "PRODUCER", "CONSUMER"];
const V1_VALUES = ["cs", "cr", "sr", "ss", "ms", "mr", "ws"];
const V1_STATUS_KEYS = ["census.status_code", "census.status_description", "http.status_code"];
const V1_KEYS = ["sa", "ca", "ma", "lc", ...KEYS, ...V1_STATUS_KEYS];
const TIMES = [0, 1, 1_700_000_000_000_000, 2 ** 53 - 1];

export interface V2Endpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly port?: number;
}

export interface V2Span {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly localEndpoint?: V2Endpoint;
  readonly remoteEndpoint?: V2Endpoint;
  readonly annotations?: readonly { readonly timestamp: number; readonly value: string }[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly debug?: boolean;
  readonly shared?: boolean;
}

export interface V1Span extends Pick<V2Span, "traceId" | "id" | "parentId" | "name" | "debug"> {
  readonly timestamp?: number;
  readonly duration?: number;
  readonly annotations: readonly {
    readonly timestamp: number;
    readonly value: string;
    readonly endpoint?: V2Endpoint;
  }[];
  readonly binaryAnnotations: readonly {
    readonly key: string;
    readonly value: string | boolean;
    readonly endpoint?: V2Endpoint;
  }[];
}

export class ZipkinGenerator {
  readonly #random: Prng;

  constructor(random: Prng) {
    this.#random = random;
  }

  v2(bound: number): V2Span[] {
    return this.#some(bound, () => ({
      ...this.#ids(),
      ...(this.#chance() && { kind: this.#pick(KINDS) }),
      ...(this.#chance() && { name: this.#pick(TEXTS) }),
      ...(this.#chance() && { timestamp: this.#time() }),
      ...(this.#chance() && { duration: this.#random.below(1e6) }),
      ...(this.#chance() && { localEndpoint: this.#endpoint() }),
      ...(this.#chance() && { remoteEndpoint: this.#endpoint() }),
      ...(this.#chance() && {
        annotations: this.#some(3, () => ({
          timestamp: this.#time(),
          value: this.#pick([...TEXTS, ...PACKED]),
        })),
      }),
      ...(this.#chance() && {
        tags: Object.fromEntries(
          this.#some(6, () =>
            this.#rarely()
              ? [this.#pick(LINK_KEYS), this.#pick(PACKED)]
              : [this.#pick([...KEYS, ...MORE_KEYS]), this.#pick(TEXTS)],
          ),
        ),
      }),
      ...(this.#rarely() && { debug: this.#chance() }),
      ...(this.#rarely() && { shared: true }),
    }));
  }

  v1(bound: number): V1Span[] {
    return this.#some(bound, () => ({
      ...this.#ids(),
      ...(this.#chance() && { name: this.#pick(TEXTS) }),
      ...(this.#chance() && { timestamp: this.#time() }),
      ...(this.#chance() && { duration: this.#random.below(1e6) }),
      ...(this.#rarely() && { debug: true }),
      annotations: this.#some(5, () => ({
        timestamp: this.#time(),
        value: this.#pick([...V1_VALUES, "note"]),
        ...(this.#chance() && { endpoint: this.#endpoint() }),
      })),
      binaryAnnotations: this.#some(5, () => ({
        key: this.#pick(V1_KEYS),
        value: this.#chance() ? this.#pick(TEXTS) : this.#chance(),
        ...(this.#chance() && { endpoint: this.#endpoint() }),
      })),
    }));
  }

  #ids(): Pick<V2Span, "traceId" | "id" | "parentId"> {
    const id = this.#hex(8);
    return {
      traceId: this.#hex(this.#chance() ? 16 : 8),
      id,
      ...(this.#chance() && { parentId: this.#rarely() ? id : this.#hex(8) }),
    };
  }

  #endpoint(): V2Endpoint {
    const address = () => [...this.#random.bytes(4)].map((byte) => byte | 1).join(".");
    return {
      ...(this.#chance() && { serviceName: this.#pick(["shop", "cart", "naïve"]) }),
      ...(this.#chance() && { ipv4: address() }),
      ...(this.#chance() && { port: this.#random.below(65_536) }),
    };
  }

  #time(): number {
    return this.#chance() ? this.#pick(TIMES) : this.#random.below(1e9);
  }

  #hex(bytes: number): string {
    const id = this.#random.bytes(bytes);
    id[bytes - 1] |= 1;
    return Buffer.from(id).toString("hex");
  }

  #some<Item>(bound: number, make: () => Item): Item[] {
    return Array.from({ length: this.#random.below(bound) }, make);
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)];
  }

  #chance(): boolean {
    return this.#random.below(2) === 0;
  }

  #rarely(): boolean {
    return this.#random.below(6) === 0;
  }
}

export function protoOf(spans: readonly V2Span[]): Uint8Array {
  return protoMessage(spans.map((span) => messageField(1, protoSpan(span))));
}

function protoSpan(span: V2Span) {
  const hex = (id: string) => new Uint8Array(Buffer.from(id, "hex"));
  return [
    bytesField(1, hex(span.traceId)),
    ...(span.parentId === undefined ? [] : [bytesField(2, hex(span.parentId))]),
    bytesField(3, hex(span.id)),
    ...(span.kind === undefined ? [] : [varintField(4, KINDS.indexOf(span.kind) + 1)]),
    ...(span.name === undefined ? [] : [bytesField(5, span.name)]),
    ...(span.timestamp === undefined ? [] : [fixed64Field(6, span.timestamp)]),
    ...(span.duration === undefined ? [] : [varintField(7, span.duration)]),
    ...(span.localEndpoint ? [messageField(8, protoEndpoint(span.localEndpoint))] : []),
    ...(span.remoteEndpoint ? [messageField(9, protoEndpoint(span.remoteEndpoint))] : []),
    ...(span.annotations ?? []).map(({ timestamp, value }) =>
      messageField(10, [fixed64Field(1, timestamp), bytesField(2, value)]),
    ),
    ...Object.entries(span.tags ?? {}).map(([key, value]) =>
      messageField(11, [bytesField(1, key), bytesField(2, value)]),
    ),
    ...(span.debug ? [varintField(12, 1)] : []),
    ...(span.shared ? [varintField(13, 1)] : []),
  ];
}

function protoEndpoint({ serviceName, ipv4, port }: V2Endpoint) {
  return [
    ...(serviceName === undefined ? [] : [bytesField(1, serviceName)]),
    ...(ipv4 === undefined ? [] : [bytesField(2, addressOf(ipv4))]),
    ...(port === undefined ? [] : [varintField(4, port)]),
  ];
}

export function thriftOf(spans: readonly V1Span[]): Uint8Array {
  return thriftList(spans.map(thriftSpan));
}

function thriftSpan(span: V1Span): ThriftFields {
  const id = (hex: string) => i64(BigInt(`0x${hex}`));
  return {
    1: id(span.traceId.slice(-16)),
    ...(span.name !== undefined && { 3: string(span.name) }),
    4: id(span.id),
    ...(span.parentId !== undefined && { 5: id(span.parentId) }),
    6: list(
      ...span.annotations.map(({ timestamp, value, endpoint }) => ({
        1: i64(timestamp),
        2: string(value),
        ...(endpoint && { 3: thriftEndpoint(endpoint) }),
      })),
    ),
    8: list(
      ...span.binaryAnnotations.map(({ key, value, endpoint }) => ({
        1: string(key),
        2: string(typeof value === "string" ? value : bigEndian(value ? 1n : 0n, 1)),
        3: i32(typeof value === "string" ? 6 : 0),
        ...(endpoint && { 4: thriftEndpoint(endpoint) }),
      })),
    ),
    ...(span.debug !== undefined && { 9: bool(span.debug) }),
    ...(span.timestamp !== undefined && { 10: i64(span.timestamp) }),
    ...(span.duration !== undefined && { 11: i64(span.duration) }),
    ...(span.traceId.length > 16 && { 12: id(span.traceId.slice(0, -16)) }),
  };
}

function thriftEndpoint({ serviceName, ipv4, port }: V2Endpoint) {
  return struct({
    ...(ipv4 !== undefined && { 1: i32(Buffer.from(addressOf(ipv4)).readInt32BE()) }),
    ...(port !== undefined && { 2: i16((port << 16) >> 16) }),
    ...(serviceName !== undefined && { 3: string(serviceName) }),
  });
}

function addressOf(ipv4: string): Uint8Array {
  return Uint8Array.from(ipv4.split("."), Number);
}
