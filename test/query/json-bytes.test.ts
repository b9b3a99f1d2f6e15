import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { JsonBytes } from "../../src/query/json-bytes.ts";
import { joined } from "../../src/query/proto-cursor.ts";

const MiB = 1024 * 1024;

describe("JSON in pieces", () => {
  test("says the same as JSON.stringify, wherever a piece ends (seed 4)", () => {
    const random = prng(4);
    const letters = ["a", "ü", "€", "😀", '"', "\\", "\n", "\u0001", "\u001f"];
    const texts = Array.from({ length: 4000 }, () => {
      const length = random.below(random.below(20) === 0 ? 20_000 : 300);
      const plain = random.below(2) === 0;
      return Array.from({ length }, () => (plain ? "b" : letters[random.below(9)])).join("");
    });
    texts.push("\u0002".repeat(MiB), "c".repeat(3 * MiB));
    const out = new JsonBytes();
    for (const [index, text] of texts.entries()) {
      out.char(index === 0 ? 0x5b : 0x2c);
      out.text(text);
    }
    out.ascii("]");
    const pieces = out.finish();
    expect(pieces.length).toBeGreaterThan(10);
    const whole = new TextDecoder("utf-8", { fatal: true }).decode(joined(pieces));
    expect(whole === JSON.stringify(texts)).toBe(true);
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(pieces.length);
  });

  test("has base64 on the edge of a piece", () => {
    for (let before = 1000; before < 1030; before++) {
      const out = new JsonBytes();
      out.ascii("x".repeat(before));
      out.base64(Uint8Array.of(1, 2, 3, 4), 0, 4);
      const text = new TextDecoder().decode(joined(out.finish()));
      expect(text).toBe(`${"x".repeat(before)}"AQIDBA=="`);
    }
  });
});
