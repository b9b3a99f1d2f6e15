/** Both readers of Thrift against an encoder of the test's own, and what they say to damage. */
import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { LIST, MAP, STOP, STRING, STRUCT, skipValue } from "../../src/receive/thrift.ts";
import { ThriftBinaryReader } from "../../src/receive/thrift-binary.ts";
import { ThriftCompactReader } from "../../src/receive/thrift-compact.ts";
import {
  bool,
  encode,
  encodeCall,
  i64,
  list,
  randomStruct,
  readTree,
  struct,
  text,
} from "./thrift-tree.ts";

const protocols = [
  { protocol: "binary", reader: new ThriftBinaryReader() },
  { protocol: "compact", reader: new ThriftCompactReader() },
] as const;

function outcome(action: () => void): string {
  try {
    action();
    return "read";
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
}

const bytes = (...values: number[]) => Uint8Array.from(values);
/** A map without pairs has no types in the compact protocol; the readers leave what was there. */
const shown = (tree: unknown) =>
  JSON.stringify(tree, (_key, value: unknown) => {
    if (typeof value === "bigint") return `${value}`;
    if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
    const pairs = (value as { pairs?: unknown[] } | null)?.pairs;
    return pairs?.length === 0 ? { type: MAP } : value;
  });

describe.each(protocols)("$protocol", ({ protocol, reader }) => {
  test("random values come out as they went in, and are skipped to their last byte", () => {
    const random = prng(7);
    for (let i = 0; i < 1000; i++) {
      const tree = randomStruct(random);
      const message = encode(protocol, tree);
      reader.begin(message);
      expect(shown(readTree(reader, STRUCT))).toBe(shown(tree));
      if (reader.at !== message.length) throw new Error(`seed 7, tree ${i}`);
      reader.begin(message);
      skipValue(reader, STRUCT);
      expect(reader.at).toBe(message.length);
    }
  });

  test("64 bits are exact", () => {
    const values = [0n, 1n, -1n, 2n ** 31n, 2n ** 32n, -(2n ** 32n), 2n ** 63n - 1n, -(2n ** 63n)];
    for (const value of values) {
      const tree = struct([1, i64(value)]);
      reader.begin(encode(protocol, tree));
      expect(readTree(reader, STRUCT)).toEqual(tree);
    }
  });

  test("a cut message is malformed wherever it is cut", () => {
    const random = prng(8);
    const message = encode(protocol, struct([1, randomStruct(random)], [2, i64(5)]));
    for (let length = 0; length < message.length; length++) {
      reader.begin(message.subarray(0, length));
      expect(outcome(() => skipValue(reader, STRUCT))).toBe("malformed");
    }
  });

  test("a list can hold no more elements than bytes follow", () => {
    const cut = encode(protocol, struct([1, list(LIST, [list(STRING, [text("a")])])]));
    const header =
      protocol === "binary" ? bytes(12, 0x7f, 255, 255, 255) : bytes(0xfc, 255, 255, 255, 7);
    reader.begin(Uint8Array.from([...header, 0]));
    expect(outcome(() => reader.beginList())).toBe("malformed");
    reader.begin(cut);
    expect(outcome(() => skipValue(reader, STRUCT))).toBe("read");
  });

  test("what nests too deep is refused", () => {
    let tree = struct([1, bool(true)]);
    for (let i = 0; i < 20; i++) tree = struct([1, tree]);
    reader.begin(encode(protocol, tree));
    expect(outcome(() => skipValue(reader, STRUCT))).toBe("read");
    const open = protocol === "binary" ? [12, 0, 1] : [0x1c];
    reader.begin(Uint8Array.from({ length: 300_000 }, (_, i) => open[i % open.length]));
    expect(outcome(() => skipValue(reader, STRUCT))).toBe("malformed");
  });

  test("calls have a name", () => {
    const forms = protocol === "binary" ? (["binary", "binary, not strict"] as const) : ["compact"];
    for (const form of forms as readonly ("binary" | "binary, not strict" | "compact")[]) {
      const message = encodeCall(form, "emitBatch", struct([1, text("x")]));
      reader.begin(message);
      reader.beginMessage();
      const name = reader.bytes.subarray(reader.start, reader.start + reader.length);
      expect(new TextDecoder().decode(name)).toBe("emitBatch");
      skipValue(reader, STRUCT);
      expect(reader.at).toBe(message.length);
    }
    reader.begin(bytes(0x81, 0x21, 0, 0, 0, 0, 0, 0));
    expect(outcome(() => reader.beginMessage())).toBe("malformed");
  });

  test("unknown types are refused", () => {
    reader.begin(protocol === "binary" ? bytes(77, 0, 1, 0) : bytes(0x1e, 0));
    expect(outcome(() => skipValue(reader, STRUCT))).toBe("malformed");
    reader.begin(bytes(STOP));
    expect(outcome(() => skipValue(reader, STRUCT))).toBe("read");
  });
});

test("varints that are too long are refused", () => {
  const reader = new ThriftCompactReader();
  reader.begin(Uint8Array.from([...Array.from({ length: 10 }, () => 0x80), 0]));
  expect(outcome(() => reader.readI64())).toBe("malformed");
  reader.begin(Uint8Array.from([...Array.from({ length: 5 }, () => 0x80), 0]));
  expect(outcome(() => reader.readString())).toBe("malformed");
});
