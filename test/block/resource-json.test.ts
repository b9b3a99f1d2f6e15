import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { resourceFromJson, resourceToJson } from "../../src/block/resource-json.ts";
import type { AnyValue } from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  type Resource,
  ResourceSchema,
} from "../../src/proto-gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import { randomTrace } from "../query/random-trace.ts";

/** A message as fields: a number, and bytes or a message of fields. */
type Field = readonly [tag: number, value: Uint8Array | string | readonly Field[]];

function message(fields: readonly Field[]): Uint8Array {
  const parts = fields.map(([tag, value]) => {
    if (value instanceof Uint8Array) return Uint8Array.of(tag, ...value);
    const body = typeof value === "string" ? new TextEncoder().encode(value) : message(value);
    return Buffer.concat([Uint8Array.of(tag, ...varint(body.length)), body]);
  });
  return new Uint8Array(Buffer.concat(parts));
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

const attribute = (key: string, value: readonly Field[]): Field => {
  const name: Field[] = key === "" ? [] : [[0x0a, key]];
  return [0x0a, [...name, [0x12, value]]];
};
const double = (value: number) => new Uint8Array(Float64Array.of(value).buffer);

describe("a resource as JSON text", () => {
  const longest = Uint8Array.of(...new Array(9).fill(0xff), 1);
  const cases: [name: string, fields: Field[], json: string, exact?: false][] = [
    ["nothing", [], "{}"],
    [
      "text",
      [attribute("service.name", [[0x0a, 'c"\\\n\u0000é漢😀']])],
      '{"service.name":"c\\"\\\\\\n\\u0000é漢😀"}',
    ],
    [
      "integers to 64 bits",
      [
        attribute("a", [[0x18, longest]]),
        attribute("b", [[0x18, Uint8Array.of(...new Array(8).fill(0xff), 0x7f)]]),
      ],
      '{"a":-1,"b":9223372036854775807}',
    ],
    [
      "doubles, told apart from integers",
      [1, -0, 1e21, 5e-324, 0.1].map((x) => attribute("d", [[0x21, double(x)]])),
      '{"d":1.0,"d":-0.0,"d":1e+21,"d":5e-324,"d":0.1}',
    ],
    [
      "booleans and nothing",
      [
        attribute("t", [[0x10, Uint8Array.of(1)]]),
        attribute("f", [[0x10, Uint8Array.of(0)]]),
        attribute("", []),
      ],
      '{"t":true,"f":false,"":null}',
    ],
    [
      "keys twice, and keys like numbers, in order",
      ["2", "1", "2"].map((key) => attribute(key, [[0x0a, "x"]])),
      '{"2":"x","1":"x","2":"x"}',
    ],
    [
      "lists and maps",
      [
        attribute("l", [
          [
            0x2a,
            [
              [0x0a, [[0x0a, "a"]]],
              [0x0a, []],
            ],
          ],
        ]),
        attribute("m", [[0x32, [attribute("k", [[0x2a, []]])]]]),
      ],
      '{"l":["a",null],"m":{"k":[]}}',
    ],
    ["bytes", [attribute("b", [[0x3a, "abc"]])], '{"b":"YWJj"}', false],
    ["NaN", [attribute("d", [[0x21, double(Number.NaN)]])], '{"d":null}', false],
    ["infinity", [attribute("d", [[0x21, double(Infinity)]])], '{"d":null}', false],
    ["a dropped count", [[0x10, Uint8Array.of(3)]], "{}", false],
    ["entity refs", [[0x1a, [[0x12, "host"]]]], "{}", false],
    ["a key without value", [[0x0a, [[0x0a, "k"]]]], '{"k":null}', false],
    [
      "two values in one",
      [
        attribute("k", [
          [0x0a, "a"],
          [0x18, Uint8Array.of(5)],
        ]),
      ],
      '{"k":5}',
      false,
    ],
    [
      "a length longer than needed",
      [[0x0a, Uint8Array.of(0x84, 0, 0x0a, 0, 0x12, 0)]],
      '{"":null}',
      false,
    ],
    [
      "unknown fields of every wire type",
      [
        [0x78, Uint8Array.of(1)],
        [0x79, new Uint8Array(8)],
        [0x7a, "x"],
        [0x7d, new Uint8Array(4)],
        [0x7b, Uint8Array.of(0x0b, 0x10, 7, 0x0c, 0x7c)],
        attribute("k", [[0x0a, "v"]]),
      ],
      '{"k":"v"}',
      false,
    ],
  ];
  for (const [name, fields, json, exact = true] of cases) {
    test(name, () => {
      const bytes = message(fields);
      expect(resourceToJson(bytes)).toMatchObject({ json, exact });
      if (exact) expect(resourceFromJson(json)).toEqual(bytes);
      JSON.parse(json);
    });
  }

  test("names the service when its name is text", () => {
    const name = (...values: Field[][]) =>
      resourceToJson(message(values.map((value) => attribute("service.name", value)))).serviceName;
    expect(name([[0x0a, "cart"]])).toBe("cart");
    expect(name([[0x0a, "cart"]], [[0x0a, "front"]])).toBe("cart");
    expect(name([[0x0a, ""]])).toBe("");
    expect(name([[0x18, Uint8Array.of(1)]])).toBe(undefined);
    expect(name([[0x3a, "YWJj"]])).toBe(undefined);
    expect(name()).toBe(undefined);
  });

  test("of a string of millions of characters", () => {
    for (const text of ["a".repeat(6_000_000), 'a"\\'.repeat(2_000_000)]) {
      const bytes = message([attribute("k", [[0x0a, text]])]);
      expect(resourceToJson(bytes).exact).toBe(true);
    }
  });

  test("of values deeper than the kernel lets through: bounded, and said to be inexact", () => {
    const nested = (depth: number): readonly Field[] => {
      return depth === 0 ? [[0x0a, "x"]] : [[0x2a, [[0x0a, nested(depth - 1)]]]];
    };
    expect(resourceToJson(message([attribute("k", nested(32))])).exact).toBe(true);
    expect(resourceToJson(message([attribute("k", nested(64))])).exact).toBe(true);
    expect(resourceToJson(message([attribute("k", nested(65))])).exact).toBe(false);
    expect(resourceToJson(message([attribute("k", nested(2000))])).exact).toBe(false);
  });

  test("reads views on shared memory", () => {
    const bytes = message([attribute("k", [[0x0a, "väl"]])]);
    const shared = new Uint8Array(new SharedArrayBuffer(100)).subarray(3, 3 + bytes.length);
    shared.set(bytes);
    expect(resourceToJson(shared)).toMatchObject({ json: '{"k":"väl"}', exact: true });
  });
});

function resources(seed: number): Resource[] {
  const { resourceSpans } = randomTrace(prng(seed));
  return resourceSpans.flatMap(({ resource }) => (resource ? [resource] : []));
}

/** Whether JSON has words for all of it. */
function isSayable(resource: Resource): boolean {
  const { attributes, droppedAttributesCount, entityRefs } = resource;
  const isFine = (value: AnyValue | undefined): boolean => {
    if (value === undefined) return false;
    const { value: inner } = value;
    if (inner.case === "bytesValue") return false;
    if (inner.case === "doubleValue") return Number.isFinite(inner.value);
    if (inner.case === "arrayValue") return inner.value.values.every(isFine);
    if (inner.case === "kvlistValue") return inner.value.values.every((kv) => isFine(kv.value));
    return true;
  };
  const whole = droppedAttributesCount === 0 && entityRefs.length === 0;
  return whole && attributes.every((kv) => isFine(kv.value));
}

test("random resources come back to the byte, or are said not to", () => {
  let exacts = 0;
  for (let seed = 0; seed < 3000; seed++) {
    for (const resource of resources(seed)) {
      const bytes = toBinary(ResourceSchema, resource);
      const { json, exact } = resourceToJson(bytes);
      if (exact !== isSayable(resource)) throw new Error(`seed ${seed}: ${json}`);
      if (!exact) continue;
      exacts++;
      expect(fromBinary(ResourceSchema, resourceFromJson(json))).toEqual(resource);
      expect(resourceFromJson(json)).toEqual(bytes);
    }
  }
  expect(exacts).toBeGreaterThan(300);
});

test("damaged messages and damaged texts are refused, in words", () => {
  const random = prng(5);
  const attempt = (seed: number, call: () => void) => {
    try {
      call();
      return 1;
    } catch (error) {
      if (!(error instanceof EngineError)) throw new Error(`seed ${seed}`, { cause: error });
      return 0;
    }
  };
  let passed = 0;
  for (let seed = 0; seed < 2000; seed++) {
    for (const resource of resources(seed)) {
      const bytes = toBinary(ResourceSchema, resource);
      const { json } = resourceToJson(bytes);
      if (bytes.length === 0) continue;
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
      passed += attempt(seed, () => resourceToJson(bytes.slice(0, bytes.length - random.below(2))));
      const at = random.below(json.length);
      const character = '{}[]",:\\0-.e n'[random.below(14)];
      const damaged = json.slice(0, at) + character + json.slice(at + random.below(3));
      passed += attempt(seed, () => resourceFromJson(damaged));
    }
  }
  expect(passed).toBeGreaterThan(100);
});

test("texts that no resource has are refused", () => {
  const texts = ["", "[]", "{", '{"a"}', '{"a":}', '{"a":1,}', '{"a":01', '{"a":"x}', '{"a":"\\"}'];
  texts.push('{"a":9223372036854775808}', '{"a":1}x', '{"a":NaN}', '{"a":"\n"}', "{1:2}");
  texts.push(`{"a":${"[".repeat(100_000)}`);
  for (const text of texts) {
    expect(() => resourceFromJson(text)).toThrow(/resource text is wrong at character \d+/);
  }
});
