/** What the Collector's exporter packs into tags and annotations, in both formats of version 2. */
import { describe, expect, test } from "vitest";
import { ZipkinProto } from "../../src/receive/zipkin-proto.ts";
import { ZipkinV1Json } from "../../src/receive/zipkin-v1-json.ts";
import { ZipkinV2Json } from "../../src/receive/zipkin-v2-json.ts";
import { protoOf, type V2Span } from "../support/zipkin-generator.ts";
import { type PlainSpan, plainSpans, zipkinWriter } from "./zipkin-spans.ts";

const json = new ZipkinV2Json(zipkinWriter(true));
const proto = new ZipkinProto(zipkinWriter(true));
const v1 = new ZipkinV1Json(zipkinWriter());
const bytesOf = (value: object) => new TextEncoder().encode(JSON.stringify(value));

const IDS = { traceId: "000000000000000000000000000000a1", id: "00000000000000b2", timestamp: 5 };
const TRACE = "0123456789abcdef0123456789abcdef";
const SPAN = "fedcba9876543210";

function one(fields: Partial<V2Span>): PlainSpan {
  const spans = [{ ...IDS, ...fields }];
  const [got, ...others] = plainSpans(json.toOtlp(bytesOf(spans)));
  expect(others).toEqual([]);
  expect(plainSpans(proto.toOtlp(protoOf(spans)))).toEqual([got]);
  return got;
}

const eventOf = (value: string) => one({ annotations: [{ timestamp: 7, value }] })["events"];
const linked = (tags: Record<string, string>) => {
  const { links, attributes } = one({ tags });
  return { links, attributes };
};

describe("an event", () => {
  test.each([
    ["a|{}|0", "7000 a"],
    ["a|{}|3", { text: "7000 a", dropped: 3 }],
    ["a|{}|4294967295", { text: "7000 a", dropped: 4294967295 }],
    ['|{"k":"v"}|0', { text: "7000 ", attributes: { k: "v" } }],
    ['a b|{"k|{":"}|1","é":"\\u003c\\n"}|0', { attributes: { "k|{": "}|1", é: "<\n" } }],
    ['a|b|{"k":1}|0', { text: "7000 a|b", attributes: { k: 1n } }],
    ['é| {"k":1}|0', '7000 é| {"k":1}|0'],
  ])("%s", (value, expected) => {
    const [event] = eventOf(value) as unknown[];
    if (typeof expected === "string") expect(event).toBe(expected);
    else expect(event).toMatchObject(expected);
  });

  test("has values of every type", () => {
    const text = `{"i":9007199254740993,"min":-9223372036854775808,"over":9223372036854775808,
      "d":1.5,"e":1e+21,"z":0,"t":true,"f":false,"n":null,"s":"12","l":[1,"a",[null,{}]],
      "m":{"a":{"b":-1}}}`;
    expect(eventOf(`x|${text}|1`)).toEqual([
      {
        text: "7000 x",
        attributes: {
          ...{ i: 9007199254740993n, min: -(2n ** 63n), over: 2 ** 63 },
          ...{ d: 1.5, e: 1e21, z: 0n, t: true, f: false, n: undefined, s: "12" },
          ...{ l: [1n, "a", [undefined, {}]], m: { a: { b: -1n } } },
        },
        dropped: 1,
      },
    ]);
  });

  test.each([
    ...["", "|", "||", "a|b|c", "a|{}", "{}|0", "a{}|0", "a|{}|", "a|{}|x", "a|{}|-1", "a|{}|+1"],
    ...["a|{}|01", "a|{}|00", "a|{}|1.0", "a|{}|1e1", "a|{}|4294967296", "a|{}| 1", "a|{}|0 "],
    ...["a|{}|99999999999999999999", "a|[]|0", "a|{]|0", 'a|{"k"}|0', 'a|{"k":}|0', "a|1}|0"],
    ...['a|{"k":1}}|0', 'a|{"k":1}{}|0', 'a|{"k":1,}|0', 'a|{"k":1e999}|0', "a|{k:1}|0"],
    ...['a|{"k":"\\u00e9\\x"}|0', `a|{"k":${"[".repeat(33)}${"]".repeat(33)}}|0`],
  ])("whose text is %s is named so", (value) => {
    expect(eventOf(value)).toEqual([`7000 ${value}`]);
  });

  test("as deep as the kernel takes it", () => {
    const lists = `${"[".repeat(32)}1${"]".repeat(32)}`;
    expect(eventOf(`a|{"k":${lists}}|0`)).not.toEqual([`7000 a|{"k":${lists}}|0`]);
  });
});

describe("a link", () => {
  test("has ids, state, attributes and a count", () => {
    const value = `${TRACE}|${SPAN}|a=b,c=d|e|{"n":9007199254740993,"s":"a|b"}|2`;
    expect(linked({ "otlp.link.0": value, k: "v" })).toEqual({
      links: [
        {
          ids: `${TRACE} ${SPAN}`,
          traceState: "a=b,c=d|e",
          attributes: { n: 9007199254740993n, s: "a|b" },
          dropped: 2,
        },
      ],
      attributes: { k: "v" },
    });
  });

  test("comes in the order of its number", () => {
    const of = (n: number) => `${TRACE}|${SPAN}||{"n":${n}}|0`;
    const tags = { "otlp.link.10": of(10), "otlp.link.2": of(2), "otlp.link.0": of(0) };
    const { links, attributes } = linked(tags);
    expect(attributes).toBeUndefined();
    const ids = `${TRACE} ${SPAN}`;
    expect(links).toEqual([0n, 2n, 10n].map((n) => ({ ids, attributes: { n } })));
  });

  test("beside one that is none", () => {
    const good = `${TRACE}|${SPAN}||{}|0`;
    const bad = `${TRACE}|${SPAN}||{"\\u0061":"b"]}|0`;
    expect(linked({ "otlp.link.0": bad, "otlp.link.1": good, a: "b" })).toEqual({
      links: [{ ids: `${TRACE} ${SPAN}` }],
      attributes: { "otlp.link.0": bad, a: "b" },
    });
  });

  test.each([
    ["otlp.link.", `${TRACE}|${SPAN}||{}|0`],
    ["otlp.link.x", `${TRACE}|${SPAN}||{}|0`],
    ["otlp.link.00", `${TRACE}|${SPAN}||{}|0`],
    ["otlp.link.1234567890", `${TRACE}|${SPAN}||{}|0`],
    ["otlp.links.0", `${TRACE}|${SPAN}||{}|0`],
    ["otlp.link.0", ""],
    ["otlp.link.0", "12"],
    ["otlp.link.0", `${TRACE}|${SPAN}|{}|0`],
    ["otlp.link.0", `${TRACE}|${SPAN}||{}`],
    ["otlp.link.0", `${TRACE}|${SPAN}||{}|`],
    ["otlp.link.0", `${TRACE}|${SPAN}||[]|0`],
    ["otlp.link.0", `${TRACE}|${SPAN}||{"a"}|0`],
    ["otlp.link.0", `${TRACE}${SPAN}||||{}|0`],
    ["otlp.link.0", `${TRACE.slice(1)}|${SPAN}||{}|0`],
    ["otlp.link.0", `${TRACE}|${SPAN}0||{}|0`],
    ["otlp.link.0", `${TRACE.slice(1)}g|${SPAN}||{}|0`],
    ["otlp.link.0", `${TRACE}|${"0".repeat(16)}||{}|0`],
    ["otlp.link.0", `${"0".repeat(32)}|${SPAN}||{}|0`],
    ["otlp.link.0", "||a=b|{}|0"],
  ])("%s %s is an attribute", (key, value) => {
    const got = linked({ [key]: value });
    expect(got.links).toBeUndefined();
    expect(Object.keys(got.attributes as object)).toContain(key);
    if (value !== "12") expect(got.attributes).toMatchObject({ [key]: value });
  });
});

test("version 1 has no such texts", () => {
  const link = `${TRACE}|${SPAN}||{}|0`;
  const annotations = [{ timestamp: 7, value: "a|{}|1" }];
  const span = { ...IDS, annotations, binaryAnnotations: [{ key: "otlp.link.0", value: link }] };
  const [got] = plainSpans(v1.toOtlp(bytesOf([span])));
  expect(got).toMatchObject({ attributes: { "otlp.link.0": link }, events: ["7000 a|{}|1"] });
});
