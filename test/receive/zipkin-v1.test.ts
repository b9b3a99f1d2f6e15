/** Version 1, as JSON and as Thrift: one table, both formats. */
import { describe, expect, test } from "vitest";
import { ZipkinV1Json } from "../../src/receive/zipkin-v1-json.ts";
import { ZipkinV1Thrift } from "../../src/receive/zipkin-v1-thrift.ts";
import {
  bigEndian,
  bool,
  i16,
  i32,
  i64,
  list,
  string,
  struct,
  type ThriftFields,
  thriftList,
} from "./zipkin-bodies.ts";
import { NOW_MS, type PlainSpan, plainSpans, zipkinWriter } from "./zipkin-spans.ts";

const json = new ZipkinV1Json(zipkinWriter());
const thrift = new ZipkinV1Thrift(zipkinWriter());
const fromJson = (text: string) => plainSpans(json.toOtlp(new TextEncoder().encode(text)));
const fromThrift = (body: Uint8Array) => plainSpans(thrift.toOtlp(body));

interface Endpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly port?: number;
}
interface V1Span {
  readonly timestamp?: number;
  readonly duration?: number;
  readonly debug?: boolean;
  readonly annotations?: readonly { timestamp: number; value: string; endpoint?: Endpoint }[];
  readonly binaryAnnotations?: readonly {
    readonly key: string;
    readonly value: string | boolean | number;
    readonly endpoint?: Endpoint;
  }[];
}

const IDS = { traceId: "00000000000000a1", id: "00000000000000b2", parentId: "c3", name: "get" };
const GOT = {
  traceId: "000000000000000000000000000000a1",
  spanId: "00000000000000b2",
  parent: "00000000000000c3",
  name: "get",
};

/** The same from both formats, without what all have. */
function both(span: V1Span): PlainSpan[] {
  const spans = fromJson(JSON.stringify([{ ...IDS, ...span }]));
  expect(fromThrift(thriftList([thriftSpan(span)]))).toEqual(spans);
  return spans.map((one) => {
    expect(one).toMatchObject(GOT);
    const { traceId, spanId, parent, name, ...rest } = one;
    return rest;
  });
}

function thriftSpan(span: V1Span): ThriftFields {
  return {
    1: i64(0xa1n),
    3: string("get"),
    4: i64(0xb2n),
    5: i64(0xc3n),
    6: list(
      ...(span.annotations ?? []).map(({ timestamp, value, endpoint }) => ({
        1: i64(timestamp),
        2: string(value),
        ...(endpoint && { 3: thriftEndpoint(endpoint) }),
      })),
    ),
    8: list(
      ...(span.binaryAnnotations ?? []).map(({ key, value, endpoint }) => ({
        1: string(key),
        2: string(typeof value === "string" ? value : valueBytes(value)),
        3: i32(typeof value === "string" ? 6 : typeof value === "boolean" ? 0 : 4),
        ...(endpoint && { 4: thriftEndpoint(endpoint) }),
      })),
    ),
    ...(span.debug !== undefined && { 9: bool(span.debug) }),
    ...(span.timestamp !== undefined && { 10: i64(span.timestamp) }),
    ...(span.duration !== undefined && { 11: i64(span.duration) }),
  };
}

function thriftEndpoint({ serviceName = "", ipv4 = "0.0.0.0", port = 0 }: Endpoint) {
  const bytes = Buffer.from(ipv4.split(".").map(Number));
  return struct({
    1: i32(bytes.readInt32BE()),
    2: i16((port << 16) >> 16),
    3: string(serviceName),
  });
}

function valueBytes(value: boolean | number): Uint8Array {
  return typeof value === "boolean" ? Uint8Array.of(value ? 1 : 0) : bigEndian(BigInt(value), 8);
}

const FRONTEND = { serviceName: "frontend", ipv4: "10.0.0.1", port: 8080 };
const BACKEND = { serviceName: "backend", ipv4: "10.0.0.2", port: 65_000 };
const LOCAL_FRONTEND = { "net.host.ip": "10.0.0.1", "net.host.port": 8080n };
const LOCAL_BACKEND = { "net.host.ip": "10.0.0.2", "net.host.port": 65000n };
const PEER_BACKEND = {
  "peer.service": "backend",
  "net.peer.ip": "10.0.0.2",
  "net.peer.port": 65000n,
};
const PEER_FRONTEND = {
  "peer.service": "frontend",
  "net.peer.ip": "10.0.0.1",
  "net.peer.port": 8080n,
};

test("a client's span, with the server's address", () => {
  const span = {
    ...{ timestamp: 1000, duration: 50, debug: true },
    annotations: [
      { timestamp: 1000, value: "cs", endpoint: FRONTEND },
      { timestamp: 1010, value: "ws", endpoint: FRONTEND },
      { timestamp: 1050, value: "cr", endpoint: FRONTEND },
    ],
    binaryAnnotations: [
      { key: "http.path", value: "/api", endpoint: FRONTEND },
      { key: "sa", value: true, endpoint: BACKEND },
      { key: "retries", value: 3, endpoint: FRONTEND },
      { key: "cached", value: false },
    ],
  };
  expect(both(span)).toEqual([
    {
      resource: { "service.name": "frontend" },
      kind: 3,
      ...{ start: "1000000", end: "1050000" },
      attributes: {
        ...{ "http.path": "/api", retries: 3n, cached: false, "zipkin.debug": true },
        ...LOCAL_FRONTEND,
        ...PEER_BACKEND,
      },
      events: ["1010000 ws"],
    },
  ]);
});

test("a server's span, whose times its annotations say, with the client's address", () => {
  const span = {
    annotations: [
      { timestamp: 90, value: "ss", endpoint: BACKEND },
      { timestamp: 20, value: "sr", endpoint: BACKEND },
    ],
    binaryAnnotations: [{ key: "ca", value: true, endpoint: FRONTEND }],
  };
  expect(both(span)).toEqual([
    {
      resource: { "service.name": "backend" },
      kind: 2,
      ...{ start: "20000", end: "90000" },
      attributes: { ...LOCAL_BACKEND, ...PEER_FRONTEND },
    },
  ]);
});

test("both sides in one are two spans with one id", () => {
  const span = {
    ...{ timestamp: 100, duration: 100 },
    annotations: [
      { timestamp: 100, value: "cs", endpoint: FRONTEND },
      { timestamp: 120, value: "sr", endpoint: BACKEND },
      { timestamp: 130, value: "work", endpoint: BACKEND },
      { timestamp: 110, value: "wait", endpoint: FRONTEND },
      { timestamp: 180, value: "ss", endpoint: BACKEND },
      { timestamp: 200, value: "cr", endpoint: FRONTEND },
    ],
    binaryAnnotations: [
      { key: "of.client", value: "c", endpoint: FRONTEND },
      { key: "of.server", value: "s", endpoint: BACKEND },
      { key: "of.nobody", value: "n" },
    ],
  };
  expect(both(span)).toEqual([
    {
      resource: { "service.name": "frontend" },
      kind: 3,
      ...{ start: "100000", end: "200000" },
      attributes: { "of.client": "c", "of.nobody": "n", ...LOCAL_FRONTEND, ...PEER_BACKEND },
      events: ["110000 wait"],
    },
    {
      resource: { "service.name": "backend" },
      kind: 2,
      ...{ start: "120000", end: "180000" },
      attributes: { "of.server": "s", ...LOCAL_BACKEND, ...PEER_FRONTEND },
      events: ["130000 work"],
    },
  ]);
});

test.each([
  ["ms", 4],
  ["mr", 5],
])("messages: %s", (value, kind) => {
  const span = {
    annotations: [{ timestamp: 70, value, endpoint: FRONTEND }],
    binaryAnnotations: [{ key: "ma", value: true, endpoint: { serviceName: "kafka" } }],
  };
  expect(both(span)).toEqual([
    {
      resource: { "service.name": "frontend" },
      kind,
      ...{ start: "70000", end: "70000" },
      attributes: { ...LOCAL_FRONTEND, "peer.service": "kafka" },
    },
  ]);
});

test.each([
  ["a producer from ms to ws", 4, ["ms", "ws"]],
  ["a consumer from wr to mr", 5, ["wr", "mr"]],
] as const)("messages: %s", (_name, kind, [start, end]) => {
  const span = {
    annotations: [
      { timestamp: 70, value: start, endpoint: FRONTEND },
      { timestamp: 95, value: end, endpoint: FRONTEND },
    ],
  };
  expect(both(span)).toEqual([
    {
      resource: { "service.name": "frontend" },
      kind,
      ...{ start: "70000", end: "95000" },
      attributes: LOCAL_FRONTEND,
    },
  ]);
});

describe("a span of no side", () => {
  test("is of the service that said anything of it", () => {
    const span = { timestamp: 5, annotations: [{ timestamp: 6, value: "a", endpoint: FRONTEND }] };
    const other = {
      timestamp: 5,
      binaryAnnotations: [{ key: "k", value: "v", endpoint: FRONTEND }],
    };
    for (const one of [span, other]) {
      expect(both(one)[0]).toMatchObject({ resource: { "service.name": "frontend" } });
      expect(both(one)[0]["kind"]).toBeUndefined();
    }
  });

  test("is of its local component when nobody said anything", () => {
    const span = { timestamp: 5, binaryAnnotations: [{ key: "lc", value: "worker" }] };
    const got = { resource: { "service.name": "worker" }, attributes: { lc: "worker" } };
    expect(both(span)).toEqual([{ ...got, start: "5000", end: "5000" }]);
  });

  test("begins now when nobody said when", () => {
    expect(both({})[0]).toMatchObject({ start: `${NOW_MS}000000` });
  });
});

test("errors", () => {
  const of = (value: string | boolean) =>
    both({ timestamp: 1, binaryAnnotations: [{ key: "error", value }] })[0];
  expect(of("boom")["status"]).toEqual({ code: 2, message: "boom" });
  expect(of(true)).toMatchObject({ status: { code: 2 } });
  expect(of(false)["status"]).toBeUndefined();
});

describe("status", () => {
  type Tags = Readonly<Record<string, string | boolean | number>>;
  type Attributes = Readonly<Record<string, string | boolean | bigint>>;
  const OK = { code: 1 };
  const ERROR = { code: 2 };
  const [CODE, CENSUS, OPENCENSUS] = [
    ...["census.status_code", "census.status_description", "opencensus.status_description"],
  ];
  const [HTTP, HTTP_MESSAGE] = ["http.status_code", "http.status_message"];

  test.each<[Tags, object | undefined, Attributes | undefined]>([
    [{ [CODE]: "0" }, OK, undefined],
    [{ [CODE]: 0, [CENSUS]: "fine" }, { ...OK, message: "fine" }, undefined],
    [{ [CODE]: "5", [CENSUS]: "not found" }, { ...ERROR, message: "not found" }, undefined],
    [{ [CODE]: -1, [OPENCENSUS]: "why" }, { ...ERROR, message: "why" }, undefined],
    [{ [CODE]: "0", "otel.status_code": "ERROR", error: true }, OK, undefined],
    [{ [CODE]: "0", error: "boom", [HTTP]: "500" }, OK, { error: "boom", [HTTP]: "500" }],
    [{ [CODE]: "x", [CENSUS]: "why" }, undefined, { [CODE]: "x", [CENSUS]: "why" }],
    [{ [CODE]: "", "otel.status_code": "OK" }, OK, { [CODE]: "" }],
    [{ [CODE]: 2 ** 31, error: true }, ERROR, { [CODE]: 2n ** 31n }],
    [{ [CODE]: "1.0" }, undefined, { [CODE]: "1.0" }],
    [{ "otel.status_code": "1", error: "true", [HTTP]: "500" }, OK, { [HTTP]: "500" }],
    [{ error: true, [CENSUS]: "why" }, { ...ERROR, message: "why" }, undefined],
    [{ error: "boom", [CENSUS]: "why" }, { ...ERROR, message: "why" }, { error: "boom" }],
    [{ error: true, "otel.status_description": "y" }, { ...ERROR, message: "y" }, undefined],
    [{ error: true, [HTTP]: "200" }, ERROR, { [HTTP]: "200" }],
    [{ error: false, [HTTP]: "500" }, undefined, { error: false, [HTTP]: "500" }],
    [{ [HTTP]: "399" }, undefined, { [HTTP]: "399" }],
    [{ [HTTP]: "400" }, ERROR, { [HTTP]: "400" }],
    [{ [HTTP]: "99" }, ERROR, { [HTTP]: "99" }],
    [{ [HTTP]: "-1" }, ERROR, { [HTTP]: "-1" }],
    [{ [HTTP]: "none" }, undefined, { [HTTP]: "none" }],
    [
      { [HTTP]: "503", [HTTP_MESSAGE]: "busy" },
      { ...ERROR, message: "busy" },
      { [HTTP]: "503", [HTTP_MESSAGE]: "busy" },
    ],
    [{ [CENSUS]: "why" }, undefined, { [CENSUS]: "why" }],
  ])("%o", (tags, status, attributes) => {
    const binaryAnnotations = Object.entries(tags).map(([key, value]) => ({ key, value }));
    const [got, ...others] = both({ timestamp: 1, binaryAnnotations });
    expect(others).toEqual([]);
    expect([got["status"], got["attributes"]]).toEqual([status, attributes]);
  });

  test("is each side's own", () => {
    const span = {
      annotations: [
        { timestamp: 100, value: "cs", endpoint: FRONTEND },
        { timestamp: 120, value: "sr", endpoint: BACKEND },
      ],
      binaryAnnotations: [{ key: "census.status_code", value: "13", endpoint: BACKEND }],
    };
    expect(both(span).map(({ kind, status }) => [kind, status])).toEqual([
      [3, undefined],
      [2, { code: 2 }],
    ]);
  });
});

describe("JSON alone", () => {
  const tags = (...binaryAnnotations: object[]) =>
    fromJson(JSON.stringify([{ ...IDS, timestamp: 1, binaryAnnotations }]))[0]["attributes"];

  test("types of values that stand in strings", () => {
    expect(
      tags(
        { key: "a", value: "9007199254740993", type: "I64" },
        { key: "b", type: "DOUBLE", value: "2" },
        { key: "c", type: "I32", value: "x" },
        { key: "d", value: 1.5 },
        { key: "e", value: "7", type: "STRING" },
        { key: "f" },
        { key: "g", value: null, endpoint: null },
      ),
    ).toEqual({ a: 9007199254740993n, b: 2, c: "x", d: 1.5, e: "7", f: "", g: "" });
  });

  test("IPv6, and what is unknown", () => {
    const endpoint = { ipv6: "::1", ipv4: "1.2.3.4", serviceName: "s", new: [] };
    const text = JSON.stringify([{ ...IDS, new: {}, annotations: [{ value: "cs", endpoint }] }]);
    expect(fromJson(text)[0]).toMatchObject({
      kind: 3,
      attributes: { "net.host.ip": "::1" },
    });
  });

  test.each(["", "{}", "[1]", "[{}]", '[{"traceId":"1"}]', '[{"id":"1","traceId":"x"}]'])(
    "%j is malformed",
    (text) => {
      expect(() => fromJson(text)).toThrow(expect.objectContaining({ code: "malformed" }));
    },
  );
});

describe("Thrift alone", () => {
  const tag = (type: number, value: Uint8Array | string) => {
    const binary = { 1: string("k"), 2: string(value), 3: i32(type) };
    const span = { 1: i64(1), 4: i64(2), 8: list(binary), 10: i64(1) };
    const attributes = fromThrift(thriftList([span]))[0]["attributes"];
    return (attributes as Record<string, unknown>)["k"];
  };

  test("every type of value", () => {
    expect(tag(0, Uint8Array.of(1))).toBe(true);
    expect(tag(1, Uint8Array.of(0, 255))).toBe("AP8=");
    expect(tag(2, bigEndian(-2n, 2))).toBe(-2n);
    expect(tag(3, bigEndian(-3n, 4))).toBe(-3n);
    expect(tag(4, bigEndian(-(2n ** 63n), 8))).toBe(-(2n ** 63n));
    expect(tag(5, bigEndian(0x3ff8n << 48n, 8))).toBe(1.5);
    expect(tag(6, "é")).toBe("é");
    expect(tag(6, Uint8Array.of(0xff))).toBe("\ufffd");
  });

  test("values that are not of their type are bytes", () => {
    for (const type of [0, 2, 3, 4, 5, 7, -1]) expect(tag(type, "abc")).toBe("YWJj");
  });

  test("ids of 128 bits, ports over 32767 and IPv6", () => {
    const host = struct({
      2: i16(-1),
      3: string("s"),
      4: string(Uint8Array.from([0xfe, 0x80, ...Array(13).fill(0), 1])),
    });
    const span = {
      1: i64(-1),
      4: i64(-2),
      12: i64(0x0102030405060708n),
      6: list({ 1: i64(9), 2: string("sr"), 3: host }),
    };
    expect(fromThrift(thriftList([span]))[0]).toMatchObject({
      traceId: "0102030405060708ffffffffffffffff",
      spanId: "fffffffffffffffe",
      attributes: { "net.host.ip": "fe80::1", "net.host.port": 65535n },
    });
  });

  test("cut anywhere it is malformed", () => {
    const endpoint = FRONTEND;
    const span = thriftSpan({
      annotations: [{ timestamp: 1, value: "cs", endpoint }],
      binaryAnnotations: [{ key: "k", value: 3, endpoint }],
    });
    const body = thriftList([span, span]);
    expect(fromThrift(body)).toHaveLength(2);
    for (let end = 0; end < body.length; end++) {
      const cut = () => fromThrift(body.subarray(0, end));
      expect(cut).toThrow(expect.objectContaining({ code: "malformed" }));
    }
    expect(() => fromThrift(Buffer.concat([body, body]))).toThrow("something behind");
  });

  test("no span has zero ids", () => {
    expect(() => fromThrift(thriftList([{ 1: i64(0), 4: i64(1) }]))).toThrow("no trace id");
    expect(() => fromThrift(thriftList([{ 1: i64(1), 4: i64(0) }]))).toThrow("no id");
    expect(fromThrift(thriftList([]))).toEqual([]);
  });
});
