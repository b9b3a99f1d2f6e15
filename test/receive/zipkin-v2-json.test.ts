import { describe, expect, test } from "vitest";
import { ZipkinV2Json } from "../../src/receive/zipkin-v2-json.ts";
import { groupsOf, NOW_MS, type PlainSpan, plainSpans, zipkinWriter } from "./zipkin-spans.ts";

const reader = new ZipkinV2Json(zipkinWriter());
const parsing = new ZipkinV2Json(zipkinWriter(true));
const encode = (text: string) => new TextEncoder().encode(text);
const translate = (text: string, by = reader): PlainSpan[] => plainSpans(by.toOtlp(encode(text)));

const IDS = { traceId: "000000000000000000000000000000a1", id: "00000000000000b2" };
const GOT_IDS = { traceId: IDS.traceId, spanId: IDS.id };
const TIMES = { timestamp: 1_700_000_000_000_001, duration: 20 };
const GOT_TIMES = { start: "1700000000000001000", end: "1700000000000021000" };

/** A span with these fields beside its ids and times. */
function one(fields: object, by = reader): PlainSpan {
  const spans = translate(JSON.stringify([{ ...IDS, ...TIMES, ...fields }]), by);
  expect(spans).toHaveLength(1);
  expect(spans[0]).toMatchObject({ ...GOT_IDS, ...GOT_TIMES });
  const { traceId, spanId, start, end, ...rest } = spans[0];
  return rest;
}

const tagged = (tags: object, by = reader) => one({ tags }, by);

test("a whole span", () => {
  const span = {
    traceId: "4D1E00C0DB9010DB86154A4BA6E91385",
    parentId: "86154a4ba6e91385",
    id: "4d1e00c0db9010db",
    kind: "CLIENT",
    name: "get /é",
    timestamp: 1472470996199000,
    duration: 207000,
    localEndpoint: { serviceName: "frontend", ipv4: "127.0.0.1", port: 8080 },
    remoteEndpoint: { serviceName: "backend", ipv6: "2001:db8::1", ipv4: "10.0.0.1", port: 9000 },
    annotations: [
      { timestamp: 1472470996238000, value: "foo" },
      { value: "bär", timestamp: 1472470996403000 },
    ],
    tags: { "http.path": "/api", "http.status_code": "200" },
    debug: true,
    shared: true,
  };
  expect(translate(JSON.stringify([span]))).toEqual([
    {
      resource: { "service.name": "frontend" },
      traceId: "4d1e00c0db9010db86154a4ba6e91385",
      spanId: "4d1e00c0db9010db",
      parent: "86154a4ba6e91385",
      name: "get /é",
      kind: 3,
      start: "1472470996199000000",
      end: "1472470996406000000",
      attributes: {
        "http.path": "/api",
        "http.status_code": "200",
        "zipkin.debug": true,
        "net.host.ip": "127.0.0.1",
        "net.host.port": 8080n,
        "peer.service": "backend",
        "net.peer.ip": "2001:db8::1",
        "net.peer.port": 9000n,
      },
      events: ["1472470996238000000 foo", "1472470996403000000 bär"],
    },
  ]);
});

test("a server's span that shares its client's id is a span of its own", () => {
  const spans = translate(
    JSON.stringify([
      { ...IDS, ...TIMES, kind: "CLIENT", localEndpoint: { serviceName: "a" } },
      { ...IDS, ...TIMES, kind: "SERVER", shared: true, localEndpoint: { serviceName: "b" } },
    ]),
  );
  expect(spans.map(({ spanId, kind, resource }) => ({ spanId, kind, resource }))).toEqual([
    { spanId: IDS.id, kind: 3, resource: { "service.name": "a" } },
    { spanId: IDS.id, kind: 2, resource: { "service.name": "b" } },
  ]);
});

describe("ids", () => {
  test.each([
    ["86154a4ba6e91385", "000000000000000086154a4ba6e91385"],
    ["a1", "000000000000000000000000000000a1"],
    ["86154a4ba6e913850", "000000000000000086154a4ba6e91385".slice(1).concat("0")],
    ["ABCDEF00000000000000000000000001", "abcdef00000000000000000000000001"],
  ])("%s is a trace id, filled up with zeros", (traceId, expected) => {
    expect(translate(JSON.stringify([{ ...IDS, ...TIMES, traceId }]))[0]["traceId"]).toBe(expected);
  });

  test.each([
    ["traceId", "0"],
    ["traceId", ""],
    ["traceId", "g1"],
    ["traceId", "1".repeat(33)],
    ["id", "0000000000000000"],
    ["id", "11111111111111111"],
    ["parentId", "x"],
    ["id", undefined],
    ["traceId", undefined],
    ["traceId", 7],
  ])("%s %j refuses the request", (key, value) => {
    const good = { ...IDS, ...TIMES };
    const text = JSON.stringify([good, { ...good, [key]: value }]);
    expect(() => translate(text)).toThrow(expect.objectContaining({ code: "malformed" }));
    expect(translate(JSON.stringify([good]))).toHaveLength(1);
  });

  test("a parent of zeros, or that is the span itself, is none", () => {
    expect(one({ parentId: "0000000000000000" })).toEqual({});
    expect(one({ parentId: "" })).toEqual({});
    expect(one({ parentId: null })).toEqual({});
    expect(one({ parentId: "b2" })).toEqual({});
    expect(one({ parentId: "b3" })).toEqual({ parent: "00000000000000b3" });
  });
});

test.each([
  ["CLIENT", 3],
  ["SERVER", 2],
  ["PRODUCER", 4],
  ["CONSUMER", 5],
  ["client", undefined],
  ["", undefined],
  [null, undefined],
])("kind %s", (kind, expected) => {
  expect(one({ kind })["kind"]).toBe(expected);
});

describe("status", () => {
  test.each([
    [{ error: "true" }, { code: 2 }, undefined],
    [{ error: "" }, { code: 2 }, undefined],
    [{ error: "boom" }, { code: 2, message: "boom" }, { error: "boom" }],
    [{ error: "false" }, undefined, { error: "false" }],
    [{ "otel.status_code": "OK" }, { code: 1 }, undefined],
    [{ "otel.status_code": "STATUS_CODE_OK", error: "x" }, { code: 1, message: "x" }, undefined],
    [{ "otel.status_code": "ERROR", error: "boom" }, { code: 2, message: "boom" }, undefined],
    [{ error: "true", "otel.status_code": "ERROR" }, { code: 2 }, undefined],
    [
      { "otel.status_code": "STATUS_CODE_ERROR", "otel.status_description": "why", error: "true" },
      { code: 2, message: "why" },
      undefined,
    ],
    [{ "otel.status_code": "UNSET" }, undefined, undefined],
    [{ "otel.status_code": "Unset" }, undefined, undefined],
    [{ "otel.status_code": "Ok" }, { code: 1 }, undefined],
    [{ "otel.status_code": "Error" }, { code: 2 }, undefined],
    [{ "otel.status_description": "why" }, undefined, { "otel.status_description": "why" }],
    [
      { error: "boom", "otel.status_description": "why" },
      { code: 2, message: "boom" },
      { error: "boom", "otel.status_description": "why" },
    ],
    [{ "otel.status_code": "strange" }, undefined, undefined],
    [{ "http.status_code": "500" }, undefined, { "http.status_code": "500" }],
    [{ "census.status_code": "5" }, undefined, { "census.status_code": "5" }],
  ])("%j", (tags, status, attributes) => {
    expect(tagged(tags)).toEqual({ ...(status && { status }), ...(attributes && { attributes }) });
  });
});

describe("tags", () => {
  test("of scope and resource go where they came from", () => {
    const tags = {
      "otel.scope.name": "lib",
      "otel.scope.version": "2",
      "otel.library.name": "lib",
      "otel.library.version": "2",
      "k8s.pod.name": "pod",
      "process.pid": "7",
      a: "b",
    };
    expect(one({ tags, localEndpoint: { serviceName: "shop" } })).toEqual({
      resource: { "service.name": "shop", "k8s.pod.name": "pod", "process.pid": "7" },
      scope: "lib 2",
      attributes: { a: "b" },
    });
  });

  test("service.name is the resource's, before the endpoint's and without it", () => {
    const tags = { "service.name": "Shop" };
    expect(tagged(tags)).toEqual({ resource: { "service.name": "Shop" } });
    const both = one({ tags, localEndpoint: { serviceName: "shop" } });
    expect(both).toEqual({ resource: { "service.name": "Shop" } });
    const source = { "otlp.service.name.source": "faas.name" };
    expect(one({ tags: source, localEndpoint: { serviceName: "f" } })).toEqual({
      resource: { "faas.name": "f" },
    });
  });

  test.each(["OTLPResourceNoServiceName", "otlpresourcenoservicename"])(
    "%s is the Collector's word for no service",
    (serviceName) => {
      const localEndpoint = { serviceName, ipv4: "1.2.3.4" };
      expect(one({ tags: { "k8s.pod.name": "pod" }, localEndpoint })).toEqual({
        resource: { "k8s.pod.name": "pod" },
        attributes: { "net.host.ip": "1.2.3.4" },
      });
      const named = one({ tags: { "service.name": "shop" }, localEndpoint });
      expect(named["resource"]).toEqual({ "service.name": "shop" });
    },
  );

  test("of what was dropped", () => {
    const tags = {
      "otel.dropped_attributes_count": "3",
      "otel.dropped_events_count": "x",
      "otel.dropped_links_count": "4294967295",
    };
    expect(tagged(tags)).toEqual({ dropped: [3, 0, 4294967295] });
  });

  test("kind and trace state", () => {
    expect(tagged({ "span.kind": "internal", "w3c.tracestate": "a=b" })).toEqual({
      kind: 1,
      traceState: "a=b",
    });
    expect(one({ kind: "SERVER", tags: { "span.kind": "internal" } })).toEqual({ kind: 2 });
  });

  test("an endpoint says it better than a tag", () => {
    const tags = { "peer.service": "t", "net.peer.ip": "t", "net.peer.port": "1" };
    expect(tagged(tags)).toEqual({ attributes: tags });
    const remoteEndpoint = { serviceName: "e", ipv4: "1.2.3.4", port: 5 };
    expect(one({ tags, remoteEndpoint })).toEqual({
      attributes: { "peer.service": "e", "net.peer.ip": "1.2.3.4", "net.peer.port": 5n },
    });
  });

  test("values that are not texts are shown as they are written; null is none", () => {
    const tags = '{"a":1.50,"b":true,"c":null,"d":"","\\u0065":"\\u00e9"}';
    const text = `[{"traceId":"a1","id":"b2","timestamp":5,"tags":${tags}}]`;
    expect(translate(text)[0]["attributes"]).toEqual({ a: "1.50", b: "true", d: "", e: "é" });
    expect(() => translate(text.replace("1.50", "[]"))).toThrow("json: ");
  });

  test("that look like numbers become such where that is configured", () => {
    const tags = {
      ...{ int: "-12", large: "9007199254740993", over: "9223372036854775808", zeros: "007" },
      ...{ double: "1.25", exponent: "1e3", yes: "true", no: "false", word: "True", empty: "" },
      "process.pid": "7",
    };
    expect(tagged(tags)["attributes"]).toMatchObject({ int: "-12", yes: "true", double: "1.25" });
    expect(tagged(tags, parsing)).toEqual({
      resource: { "process.pid": "7" },
      attributes: {
        ...{ int: -12n, large: 9007199254740993n, over: "9223372036854775808", zeros: "007" },
        ...{ double: 1.25, exponent: "1e3", yes: true, no: false, word: "True", empty: "" },
      },
    });
  });

  test("text that is no UTF-8 is mended", () => {
    const body = encode('[{"traceId":"a1","id":"b2","timestamp":5,"tags":{"k":"a?b"}}]');
    body[body.indexOf(0x3f)] = 0xff;
    expect(plainSpans(reader.toOtlp(body))[0]["attributes"]).toEqual({ k: "a\ufffdb" });
  });
});

describe("times", () => {
  test("a span without begins with its first annotation, or now", () => {
    const annotations = [
      { timestamp: 9000, value: "b" },
      { timestamp: 7000, value: "a" },
    ];
    const absent = { "otel.zipkin.absentField.startTime": true };
    const [early, now] = translate(
      JSON.stringify([
        { ...IDS, annotations, duration: 5 },
        { ...IDS, timestamp: 0, duration: 5 },
      ]),
    );
    expect(early).toMatchObject({ start: "7000000", end: "7005000", attributes: absent });
    const start = `${NOW_MS}000000`;
    expect(now).toMatchObject({ start, end: `${NOW_MS}005000`, attributes: absent });
  });

  test("fractions are rounded", () => {
    const text = `[{"traceId":"a1","id":"b2","timestamp":1700000000000000.8,"duration":1e1}]`;
    const got = { start: "1700000000000001000", end: "1700000000000011000" };
    expect(translate(text)[0]).toMatchObject(got);
  });

  test.each(["-1", "-1.5", '"x"', "9007199254740992", "1e99", "true"])(
    "%s is none",
    (timestamp) => {
      const text = `[{"traceId":"a1","id":"b2","timestamp":${timestamp}}]`;
      expect(() => translate(text)).toThrow(expect.objectContaining({ code: "malformed" }));
    },
  );

  test("the latest is exact", () => {
    const text = `[{"traceId":"a1","id":"b2","timestamp":"9007199254740991","duration":"0"}]`;
    expect(translate(text)[0]["start"]).toBe("9007199254740991000");
  });
});

test("spans that follow each other with one resource and scope share them", () => {
  const span = (service: string, scope: string) => ({
    ...IDS,
    localEndpoint: { serviceName: service },
    tags: { "otel.scope.name": scope },
  });
  const spans = [
    ...[span("a", "x"), span("a", "x"), span("a", "y"), span("b", "y"), span("b", "y")],
    ...[span("a", "x"), IDS, IDS],
  ];
  expect(groupsOf(reader.toOtlp(encode(JSON.stringify(spans))))).toEqual([2, 1, 2, 1, 2]);
});

describe("the list", () => {
  test.each(["[]", " [ ] ", "[null]"])("%s holds nothing", (text) => {
    expect(translate(text)).toEqual([]);
  });

  test.each(["", "{}", "null", "[", "[]]", "[1]", '["x"]', "[{}", "[{},]", "[[]]"])(
    "%j is malformed",
    (text) => {
      expect(() => translate(text)).toThrow(expect.objectContaining({ code: "malformed" }));
    },
  );

  test("unknown fields and nulls do not matter", () => {
    const text = `[{"traceId":"a1","new":[{"a":{}}],"id":"b2","timestamp":5,"name":null,
      "localEndpoint":{"serviceName":null,"new":1,"port":null},"annotations":[],"tags":null}]`;
    expect(translate(text)[0]).toMatchObject({ spanId: IDS.id });
  });
});
