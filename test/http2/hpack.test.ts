/** Header blocks: the examples of RFC 7541, our own encoder's, and what is no block. */
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { HpackDecoder } from "../../src/http2/hpack-decoder.ts";
import { headerBlock } from "../../src/http2/hpack-encode.ts";
import type { Field } from "../../src/http2/hpack-table.ts";
import { ConnectionError } from "../../src/http2/http2-frame.ts";

function decode(decoder: HpackDecoder, block: Uint8Array): [string, string][] {
  const fields: Field[] = [];
  decoder.decode(block, (field) => void fields.push(field));
  return fields.map(({ name, value }) => [name, value]);
}

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");

/** Appendix C: three requests on one connection, without and with Huffman's code. */
const REQUESTS: readonly { name: string; blocks: readonly string[] }[] = [
  {
    name: "C.3, as text",
    blocks: [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
  },
  {
    name: "C.4, in Huffman's code",
    blocks: [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
  },
];

test.each(REQUESTS)("$name", ({ blocks }) => {
  const decoder = new HpackDecoder();
  const head = (scheme: string, path: string) => [
    [":method", "GET"],
    [":scheme", scheme],
    [":path", path],
    [":authority", "www.example.com"],
  ];
  expect(blocks.map((block) => decode(decoder, hex(block)))).toEqual([
    head("http", "/"),
    [...head("http", "/"), ["cache-control", "no-cache"]],
    [...head("https", "/index.html"), ["custom-key", "custom-value"]],
  ]);
});

test("C.5: fields that push others out of a table of 256 bytes", () => {
  const decoder = new HpackDecoder();
  const first = hex(
    `3fe101 4803333032 580770726976617465 611d4d6f6e2c203231204f6374203230313320
     32303a31333a323120474d54 6e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
  );
  const fields = decode(decoder, first);
  expect(fields).toEqual([
    [":status", "302"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ]);
  expect(decode(decoder, hex("4803333037c1c0bf"))).toEqual([
    [":status", "307"],
    ...fields.slice(1),
  ]);
  // ":status: 302" is gone: there are four fields.
  expect(() => decode(decoder, hex("c2"))).toThrow(ConnectionError);
});

describe("fields that a request must not have say so", () => {
  test.each([
    ["Upper", "x", false],
    ["a b", "x", false],
    ["", "x", false],
    [":", "x", false],
    ["x", "a\nb", false],
    ["x", "a\0b", false],
    ["x", " a", false],
    ["x", "a\t", false],
    ["x-1_a.b", "a b\tc~", true],
    [":path", "", true],
  ])("%j: %j", (name, value, isValid) => {
    const fields: Field[] = [];
    new HpackDecoder().decode(headerBlock({ [name]: value }), (field) => void fields.push(field));
    expect(fields.map((field) => field.isValid)).toEqual([isValid]);
  });
});

test("what our encoder writes is read, whatever its length", () => {
  const lengths = [0, 1, 126, 127, 128, 254, 255, 256, 5000];
  for (const length of lengths) {
    const value = "v".repeat(length);
    expect(decode(new HpackDecoder(), headerBlock({ name: value }))).toEqual([["name", value]]);
  }
  expect(decode(new HpackDecoder(), headerBlock({ ":status": 200 }))).toEqual([[":status", "200"]]);
});

test.each([
  ["index 0", "80"],
  ["no such index", "be"],
  ["no such index of a name", "7f80ff01"],
  ["an integer without an end", "ffffffffff"],
  ["a string that is cut", "400a6375"],
  ["a string without a length", "40"],
  ["a table that is too large", "3fe21f"],
  ["a table that is resized too late", "8220"],
  ["padding of eleven bits", "00821fff00"],
  ["padding of zeros", "00811800"],
  ["the end of a string in a string", "0084ffffffff00"],
])("%s ends the connection", (_, block) => {
  expect(() => decode(new HpackDecoder(), hex(block))).toThrow(ConnectionError);
});

test("damaged blocks are decoded, or end the connection (seed 8)", () => {
  const random = prng(8);
  const good = REQUESTS.flatMap(({ blocks }) => blocks.map(hex));
  let ended = 0;
  for (let i = 0; i < 100_000; i++) {
    const decoder = new HpackDecoder();
    for (let turn = 0; turn < 3; turn++) {
      const block = Buffer.from(good[random.below(good.length)]);
      for (let flips = random.below(4); flips > 0; flips--) {
        block[random.below(block.length)] = random.below(256);
      }
      try {
        decode(decoder, block.subarray(0, block.length - random.below(3)));
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        ended += 1;
        break;
      }
    }
  }
  expect(ended).toBeGreaterThan(1000);
});
