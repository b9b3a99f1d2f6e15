/** Pages as a merge's kernel reads and writes them: as those who have time do it. */
import { expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import type { PageHead } from "../../src/block/parquet-footer.ts";
import type { ColumnChunk } from "../../src/block/parquet-footer-read.ts";
import { PAGE_HEADER_BYTES_MAX, writePageHeader } from "../../src/block/parquet-page-header.ts";
import { openPage } from "../../src/block/parquet-page-read.ts";
import { type Encoding, encodings } from "../../src/block/parquet-schema.ts";
import { STORED_FIELDS, STORED_WRONGS } from "../../src/kernel/merge-kernel.ts";
import { MergeKernel } from "./merge-kernel.ts";

const SEED = 20261130;
const random = prng(SEED);
const { kernel, buffer } = new MergeKernel();
kernel.openMerge(4096, buffer.byteLength, 1000, 100, 1000, 1000);
const memory = new Uint8Array(buffer);
const storedAt = kernel.storedPages() >>> 0;

function kernelHeader(page: PageHead): Uint8Array {
  const { kind, plainBytes, storedBytes, crc32, values, encoding } = page;
  const isDictionary = kind === "dictionary" ? 1 : 0;
  const number = encodings[encoding];
  const bytes = kernel.putStored(isDictionary, plainBytes, storedBytes, crc32, values, number);
  const at = kernel.storedHeader() >>> 0;
  return memory.slice(at, at + bytes);
}

function header(page: PageHead): Uint8Array {
  const room = new Uint8Array(PAGE_HEADER_BYTES_MAX);
  return room.slice(0, writePageHeader(page, room));
}

/** What a page holds, by the kernel; undefined: it refuses. */
function openedByKernel(stored: Uint8Array, isDictionary: boolean, zstd: boolean) {
  memory.set(stored, storedAt);
  // What lies behind must not matter.
  memory.fill(random.below(256), storedAt + stored.length, storedAt + stored.length + 64);
  const end = storedAt + stored.length;
  const wrong = kernel.openStored(storedAt, end, isDictionary ? 1 : 0, zstd ? 1 : 0);
  expect(STORED_WRONGS[wrong]).toBeDefined();
  if (wrong !== 0) return undefined;
  const fields = new Uint32Array(buffer, kernel.storedFields() >>> 0, STORED_FIELDS);
  const [at, bytes, plainBytes, values, encoding, crc32, hasCrc] = fields;
  const body = memory.slice(at, at + bytes);
  if (hasCrc === 1 && Bun.hash.crc32(body) !== crc32) return undefined;
  if (!zstd || plainBytes === 0) return { values, encoding, bytes: zstd ? body.slice(0, 0) : body };
  try {
    const plain = Bun.zstdDecompressSync(body);
    return plain.length === plainBytes
      ? { values, encoding, bytes: new Uint8Array(plain) }
      : undefined;
  } catch {
    return undefined;
  }
}

function opened(stored: Uint8Array, isDictionary: boolean, zstd: boolean) {
  const column = { zstd, path: ["x"] } as Partial<ColumnChunk> as ColumnChunk;
  try {
    const { values, encoding, bytes } = openPage(stored, column, isDictionary);
    return { values, encoding: encoding >>> 0, bytes: new Uint8Array(bytes) };
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** A whole page of one to three frames, or as it is. */
function anyPage(zstd: boolean): { stored: Uint8Array; isDictionary: boolean } {
  const isDictionary = random.below(3) === 0;
  const plain = Uint8Array.from({ length: random.below(700) }, () => random.below(4));
  const cut = random.below(plain.length + 1);
  const frames = [plain.subarray(0, cut), plain.subarray(cut)].filter(({ length }) => length > 0);
  const body = zstd
    ? Buffer.concat(frames.map((bytes) => Bun.zstdCompressSync(bytes as Uint8Array<ArrayBuffer>)))
    : plain;
  const names = Object.keys(encodings) as Encoding[];
  const page: PageHead = {
    kind: isDictionary ? "dictionary" : "data",
    values: random.below(2 ** random.below(25)),
    encoding: names[random.below(names.length)],
    plainBytes: plain.length,
    storedBytes: body.length,
    crc32: Bun.hash.crc32(body),
  };
  return { stored: new Uint8Array(Buffer.concat([header(page), body])), isDictionary };
}

test(`headers are written alike, seed ${SEED}`, () => {
  const names = Object.keys(encodings) as Encoding[];
  for (let i = 0; i < 5000; i++) {
    const number = () => random.below(2 ** random.below(28));
    const page: PageHead = {
      kind: random.below(2) === 0 ? "data" : "dictionary",
      values: number(),
      encoding: names[random.below(names.length)],
      plainBytes: number(),
      storedBytes: number(),
      crc32: random.below(2 ** 32),
    };
    expect(kernelHeader(page)).toEqual(header(page));
  }
});

test.each([
  { values: 2 ** 23, fits: true },
  { values: 2 ** 23 + 1, fits: false },
])("$values values, for which the kernel has room or not: $fits", ({ values, fits }) => {
  const sizes = { plainBytes: 1, storedBytes: 1, crc32: Bun.hash.crc32(new Uint8Array(1)) };
  const head = header({ kind: "data", values, encoding: "PLAIN", ...sizes });
  const stored = new Uint8Array([...head, 0]);
  for (const found of [openedByKernel(stored, false, false), opened(stored, false, false)]) {
    expect(found !== undefined).toBe(fits);
  }
});

test(`pages are read alike, and damaged ones are refused alike, seed ${SEED}`, () => {
  const found = { good: 0, refused: 0 };
  for (let i = 0; i < 30_000; i++) {
    const zstd = random.below(2) === 0;
    const { stored, isDictionary } = anyPage(zstd);
    // In a third of the rounds nothing is damaged; the checksums hide most damage else.
    for (let flips = random.below(3); flips > 0; flips--) {
      const at = random.below(random.below(2) === 0 ? stored.length : Math.min(60, stored.length));
      stored[at] ^= 1 + random.below(255);
    }
    const cut = stored.slice(0, random.below(6) === 0 ? random.below(stored.length) : undefined);
    const asked = random.below(10) === 0 ? !isDictionary : isDictionary;
    const expected = opened(cut, asked, zstd);
    expect(openedByKernel(cut, asked, zstd)).toEqual(expected);
    found[expected === undefined ? "refused" : "good"]++;
  }
  expect(found.good).toBeGreaterThan(5000);
  expect(found.refused).toBeGreaterThan(5000);
});

test(`headers of chance without a checksum are read alike, seed ${SEED}`, () => {
  let good = 0;
  for (let i = 0; i < 50_000; i++) {
    // Fields of a page's header, in any order and of any type, now and then doubled or nested.
    const bytes: number[] = [];
    for (let fields = 2 + random.below(8); fields > 0; fields--) {
      const type = [5, 5, 5, 6, 4, 12, 8, 1, 2, 3, 7, 9][random.below(12)];
      bytes.push((random.below(5) << 4) | type);
      if (random.below(6) === 0) bytes.push(0);
      for (let more = random.below(3); more > 0; more--) bytes.push(random.below(256));
    }
    const plain = [0x15, 0, 0x15, 20, 0x15, 20, 0x2c, 0x15, 2, 0x15, 0, 0, 0];
    if (random.below(2) === 0) bytes.splice(0, bytes.length, ...plain);
    if (random.below(2) === 0) bytes[random.below(bytes.length)] = random.below(256);
    const stored = Uint8Array.from([...bytes, ...Array.from({ length: 12 }, () => 0)]);
    const expected = opened(stored, false, false);
    expect(openedByKernel(stored, false, false)).toEqual(expected);
    if (expected !== undefined) good++;
  }
  expect(good).toBeGreaterThan(5000);
});
