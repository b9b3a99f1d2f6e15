import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { crc32c } from "../../src/receive/crc32c.ts";

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0x82f6_3b78 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

test("the check value of the standard, and RFC 3720's", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe306_9283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8_ab43);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test("every length and alignment, against one bit a step (seed 5)", () => {
  const bytes = prng(5).bytes(300);
  for (let start = 0; start < 9; start++) {
    for (let end = start; end <= bytes.length; end += 7) {
      const part = bytes.subarray(start, end);
      expect(crc32c(part)).toBe(bitByBit(part));
    }
  }
});
