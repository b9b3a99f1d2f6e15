/** The scans of the kernel against loops over the same bytes, for sizes around words. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
import { instantiate, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import { ROOT } from "../support/checkout.ts";

const memory = makeMemory(MiB);
const path = join(ROOT, "native", "build", "kernel.wasm");
const kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
const buffer = sharedBuffer(memory);
const bytes = new Uint8Array(buffer);
const words = new Uint32Array(buffer);
const view = new DataView(buffer);

const CODES = 65_536;
const TABLE = 131_072;
const STARTS = 262_144;
const BITS = 393_216;
const OUT = 458_752;
const SIZES = [0, 1, 2, 7, 63, 64, 65, 127, 128, 129, 640, 1000, 4099];

const random = prng(20);

/** Bits of a bitmap as text; throws when one behind the last is set. */
function bitsAt(at: number, count: number): string {
  const rounded = Math.ceil(count / 64) * 64;
  const bit = (i: number) => (bytes[at + (i >>> 3)] >>> (i & 7)) & 1;
  const all = Array.from({ length: rounded }, (_, i) => bit(i));
  expect(all.slice(count)).toEqual(all.slice(count).fill(0));
  return all.slice(0, count).join("");
}

function writeBits(at: number, bits: readonly boolean[]): void {
  bytes.fill(0, at, at + Math.ceil(bits.length / 64) * 8);
  for (const [i, bit] of bits.entries()) if (bit) bytes[at + (i >>> 3)] |= 1 << (i & 7);
}

function textOf(bits: readonly boolean[]): string {
  return bits.map(Number).join("");
}

/** What was there before must not show. */
function soil(): void {
  bytes.fill(0xa5, OUT, OUT + 4096);
}

describe("codes", () => {
  for (const [width, size] of [
    [1, 3],
    [1, 15],
    [1, 255],
    [2, 256],
    [2, 12_000],
    [2, 65_535],
    [4, 65_536],
  ] as const) {
    for (const share of [0, 0.02, 0.5, 1]) {
      test(`${width} bytes of ${size}, ${share} of them meant, are looked up`, () => {
        for (const rows of SIZES) {
          bytes.fill(random.below(2) * 255, TABLE, TABLE + size + 1);
          const table = Array.from({ length: size + 1 }, () => random.unit() < share);
          for (const [i, isMeant] of table.entries()) bytes[TABLE + i] = Number(isMeant);
          const isRare = random.below(2) === 0;
          const codes = Array.from({ length: rows }, () =>
            isRare && random.below(20) > 0 ? 0 : random.below(size + 1),
          );
          for (const [i, code] of codes.entries()) {
            const at = CODES + i * width;
            if (width === 1) view.setUint8(at, code);
            else if (width === 2) view.setUint16(at, code, true);
            else view.setUint32(at, code, true);
          }
          soil();
          kernel.testCodes(CODES, width, rows, TABLE, OUT);
          expect(bitsAt(OUT, rows)).toBe(textOf(codes.map((code) => table[code])));
          const within = codes.map(() => random.below(9) === 0);
          writeBits(BITS, within);
          soil();
          kernel.testFew(CODES, width, rows, BITS, TABLE, OUT);
          expect(bitsAt(OUT, rows)).toBe(textOf(codes.map((code, i) => within[i] && table[code])));
          const one = codes[random.below(Math.max(1, rows))] ?? 0;
          soil();
          kernel.equalCodes(CODES, width, rows, one, OUT);
          expect(bitsAt(OUT, rows)).toBe(textOf(codes.map((code) => code === one)));
        }
      });
    }
  }
});

describe("groups", () => {
  for (const share of [0, 0.03, 0.5, 0.97, 1]) {
    for (const longest of [1, 3, 40, 300]) {
      test(`of up to ${longest} rows, ${share} of them meant`, () => {
        for (const groups of SIZES.slice(0, -2)) {
          words[STARTS / 4] = 0;
          for (let i = 0; i < groups; i++) {
            const rows = random.below(longest + 1);
            words[STARTS / 4 + i + 1] = words[STARTS / 4 + i] + rows;
          }
          const rows = words[STARTS / 4 + groups];
          if (rows > 32_000) continue;
          const groupOf = Array.from({ length: groups }, (_, i) =>
            new Array<number>(words[STARTS / 4 + i + 1] - words[STARTS / 4 + i]).fill(i),
          ).flat();
          const meant = Array.from({ length: groups }, () => random.unit() < share);
          writeBits(BITS, meant);
          soil();
          kernel.rowsOfGroups(BITS, STARTS, groups, OUT);
          expect(bitsAt(OUT, rows)).toBe(textOf(groupOf.map((group) => meant[group])));

          const found = Array.from({ length: rows }, () => random.unit() < share / longest);
          writeBits(BITS, found);
          const here = new Set(groupOf.filter((_, row) => found[row]));
          soil();
          const count = kernel.groupsWith(BITS, STARTS, groups, OUT);
          expect(count).toBe(here.size);
          expect(bitsAt(OUT, groups)).toBe(textOf(meant.map((_, group) => here.has(group))));
        }
      });
    }
  }
});

/** Of all magnitudes, and neighbours of powers of two. */
function randomLong(): bigint {
  const value = (1n << BigInt(random.below(63))) + BigInt(random.below(5) - 2);
  return random.below(4) === 0 ? -value : value;
}

describe("ranges by classes", () => {
  test("are the ranges of the numbers", () => {
    const longs = new BigInt64Array(buffer, CODES, SIZES[SIZES.length - 1]);
    for (const rows of SIZES) {
      for (let i = 0; i < rows; i++) longs[i] = randomLong();
      bytes.fill(0xa5, TABLE, TABLE + rows + 64);
      kernel.classesOfLongs(CODES, rows, TABLE);
      for (let round = 0; round < 40; round++) {
        const [a, b] = [randomLong(), random.below(3) === 0 ? 2n ** 63n - 1n : randomLong()];
        const [low, high] = a <= b || random.below(9) === 0 ? [a, b] : [b, a];
        const meant = [...longs.subarray(0, rows)].map((value) => value >= low && value <= high);
        soil();
        kernel.rangeClasses(TABLE, CODES, rows, low, high, OUT);
        expect(bitsAt(OUT, rows)).toBe(textOf(meant));
        soil();
        kernel.rangeLongs(CODES, rows, low, high, OUT);
        expect(bitsAt(OUT, rows)).toBe(textOf(meant));
      }
    }
  });
});

describe("traces in time", () => {
  test("are those that touch it and are as long", () => {
    const most = SIZES[SIZES.length - 1];
    const starts = new BigUint64Array(buffer, CODES, most);
    const ends = new BigUint64Array(buffer, TABLE, most);
    const lastStarts = new BigUint64Array(buffer, STARTS, most);
    const time = () => BigInt.asUintN(64, BigInt(random.below(40)) * 2n ** 60n + randomLong());
    for (const traces of SIZES) {
      for (let i = 0; i < traces; i++) {
        starts[i] = time();
        ends[i] = random.below(2) === 0 ? time() : BigInt.asUintN(64, starts[i] + randomLong());
        const later = time();
        lastStarts[i] = later > starts[i] ? later : starts[i];
      }
      for (let round = 0; round < 20; round++) {
        const [from, to] = [time(), time()];
        const isOpen = random.below(2) === 0;
        const least = isOpen ? -(2n ** 63n) : randomLong();
        const longest = isOpen ? 2n ** 63n - 1n : randomLong();
        const meant = Array.from({ length: traces }, (_, i) => {
          const length = BigInt.asIntN(64, ends[i] - starts[i]);
          const touches = starts[i] <= to && (lastStarts[i] >= from || ends[i] >= from);
          return touches && length >= least && length <= longest;
        });
        soil();
        const bounds = [from, to, least, longest] as const;
        kernel.tracesInTime(CODES, TABLE, STARTS, traces, ...bounds, OUT);
        expect(bitsAt(OUT, traces)).toBe(textOf(meant));
      }
    }
  });
});
