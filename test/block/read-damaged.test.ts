/**
 * Damaged blocks: a reader says block_corrupt, or reads what is left; it never throws anything
 * else, hangs, or takes memory that the file does not justify.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { ColumnDecoder, Dictionary } from "../../src/block/parquet-decode.ts";
import { type ColumnChunk, parseFooter } from "../../src/block/parquet-footer-read.ts";
import { openPage } from "../../src/block/parquet-page-read.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { cutToDisk, expected, fill, freshReader, shown } from "./read-stored.ts";

const kernel = new CutKernel();
const sent = fill(kernel, { random: prng(77), tenants: ["one"], requests: 80, traces: 12 });
const { root, blocks } = cutToDisk(kernel);
const [{ folder, meta }] = blocks;
const data = readFileSync(join(folder, "data.parquet"));
const sidecar = readFileSync(join(folder, "sidecar.bin"));

afterAll(() => rmSync(root, { recursive: true }));

/** True when the call says block_corrupt; any other error is the test's. */
function isCorrupt(call: () => void): boolean {
  try {
    call();
    return false;
  } catch (error) {
    if (error instanceof EngineError && error.code === "block_corrupt") return true;
    throw error;
  }
}

/** Some bits, some bytes to extremes, or a piece of the bytes moved over another. */
function damage(bytes: Uint8Array, random: Prng, from = 0): Uint8Array {
  const damaged = new Uint8Array(bytes);
  const place = () => from + random.below(bytes.length - from);
  for (let i = random.below(4); i >= 0; i--) {
    const kind = random.below(4);
    if (kind < 2) damaged[place()] ^= 1 << random.below(8);
    else if (kind === 2) damaged[place()] = [0, 127, 128, 255][random.below(4)];
    else damaged.copyWithin(place(), place(), place());
  }
  return damaged;
}

const copy = join(root, "copy");
mkdirSync(copy);

/** Reads all traces of a block with these files; how many were refused. */
function readAll(files: { data?: Uint8Array; sidecar?: Uint8Array }): number {
  writeFileSync(join(copy, "data.parquet"), files.data ?? data);
  writeFileSync(join(copy, "sidecar.bin"), files.sidecar ?? sidecar);
  const { reader, caches } = freshReader();
  let refused = 0;
  try {
    for (const { traceId } of sent.slice(0, 6)) {
      const read = () => {
        const found = [...(reader.rows({ folder: copy, meta }, "one", traceId) ?? [])];
        for (const row of found) shown(row, traceId);
      };
      if (isCorrupt(read)) refused++;
    }
  } finally {
    caches.close();
  }
  return refused;
}

describe("a damaged block", () => {
  test("that is not damaged is read", () => {
    expect(readAll({})).toBe(0);
  });

  for (const seed of [1, 2, 3]) {
    test(`says so, footer and page index, seed ${seed}`, () => {
      const random = prng(seed);
      const described = data.length - meta.footerBytes - 8;
      let refused = 0;
      for (let i = 0; i < 80; i++) {
        const from = random.below(2) === 0 ? described : described - 4000;
        refused += readAll({ data: damageQuietly(random, from) });
      }
      expect(refused).toBeGreaterThan(50);
    });
  }

  test("says so wherever its pages are damaged", () => {
    const random = prng(4);
    let refused = 0;
    for (let i = 0; i < 80; i++) refused += readAll({ data: damage(data, random) });
    expect(refused).toBeGreaterThan(25);
  });

  test("says so when its files are cut off", () => {
    const random = prng(5);
    for (let i = 0; i < 60; i++) {
      const length = random.below(data.length);
      expect(readAll({ data: data.subarray(0, length) })).toBe(6);
    }
    for (let length = 0; length < sidecar.length; length += 7) {
      expect(readAll({ sidecar: sidecar.subarray(0, length) })).toBe(6);
    }
  });

  test("of whose sidecar a bit is wrong never hides a trace", () => {
    const traceId = sent[0].traceId;
    const all = expected(sent, "one", traceId);
    writeFileSync(join(copy, "data.parquet"), data);
    for (let bit = 0; bit < sidecar.length * 8; bit++) {
      const damaged = new Uint8Array(sidecar);
      damaged[bit >>> 3] ^= 1 << (bit & 7);
      writeFileSync(join(copy, "sidecar.bin"), damaged);
      const { reader, caches } = freshReader();
      const read = () => {
        const rows = [...(reader.rows({ folder: copy, meta }, "one", traceId) ?? [])];
        expect(rows.length).toBe(all.length);
      };
      isCorrupt(read);
      caches.close();
    }
  });

  test("whose files are gone is not found", () => {
    const { reader } = freshReader();
    const gone = { folder: join(root, "gone"), meta };
    expect(() => reader.rows(gone, "one", sent[0].traceId)).toThrow(
      expect.objectContaining({ code: "not_found" }),
    );
  });
});

/** Not the magic at the end, which would only hide the rest. */
function damageQuietly(random: Prng, from: number): Uint8Array {
  const damaged = damage(data, random, Math.max(0, from));
  damaged.set(data.subarray(data.length - 8), data.length - 8);
  return damaged;
}

const shapes = [
  { type: 6, fixedBytes: 0 },
  { type: 2, fixedBytes: 0 },
  { type: 1, fixedBytes: 0 },
  { type: 5, fixedBytes: 0 },
  { type: 0, fixedBytes: 0 },
  { type: 7, fixedBytes: 8 },
];

/** Bodies with sensible beginnings, so that decoders get past their first check. */
function randomBody(random: Prng): Uint8Array {
  const bytes = random.bytes(8 + random.below(200));
  for (let i = 0; i < bytes.length; i++) if (random.below(3) === 0) bytes[i] &= 7;
  if (random.below(4) > 0) bytes.set([random.below(20), 0, 0, 0]);
  if (random.below(4) === 0) bytes.set([128, 1, 4]);
  return bytes;
}

describe("a decoder", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`bears any page body, seed ${seed}`, () => {
      const random = prng(seed);
      let read = 0;
      for (let i = 0; i < 20_000; i++) {
        const definitionMax = random.below(3);
        const column: ColumnChunk = {
          ...{ path: ["x"], ...shapes[random.below(shapes.length)], definitionMax, zstd: false },
          ...{ repetitionMax: random.below(2), dictionaryAt: 4, dataAt: 4, dataEnd: 8 },
          ...{ indexAt: 4, indexBytes: 1, columnIndexAt: 0, columnIndexBytes: 0 },
          ...{ entries: 1, nulls: 0, references: undefined },
        };
        const values = random.below(4) === 0 ? 2 ** 24 : random.below(300);
        const encoding = [0, 2, 5, 8, 3][random.below(5)];
        const refused = isCorrupt(() => {
          const dictionary =
            random.below(4) === 0
              ? undefined
              : new Dictionary(
                  {
                    values: random.below(9),
                    encoding: 0,
                    bytes: random.bytes(64).map((b) => b & 3),
                  },
                  column,
                );
          const decoder = new ColumnDecoder(column, dictionary);
          const page = { values, encoding, bytes: randomBody(random) };
          decoder.add(page, { skip: random.below(100), count: 1 + random.below(40) });
          decoder.finish();
        });
        if (!refused) read++;
      }
      expect(read).toBeGreaterThan(200);
    });
  }

  test("takes no page for more than its header and its frame both say", () => {
    const plain = { type: 6, fixedBytes: 0, definitionMax: 0, repetitionMax: 0, path: ["x"] };
    const ends = { dictionaryAt: -1, references: undefined, dataAt: 4, dataEnd: 8 };
    const places = {
      ...ends,
      indexAt: 4,
      indexBytes: 1,
      columnIndexAt: 0,
      columnIndexBytes: 0,
      entries: 1,
      nulls: 0,
    };
    const column: ColumnChunk = { ...plain, ...places, zstd: true };
    const body = Bun.zstdCompressSync(new Uint8Array(1 << 20));
    const header = (plainBytes: number) => {
      const zigzag = (value: number) => {
        const bytes: number[] = [];
        let left = value * 2;
        for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
        return [...bytes, left];
      };
      const counts = [0x2c, 0x15, ...zigzag(1), 0x15, ...zigzag(0), 0, 0];
      return [0x15, 0, 0x15, ...zigzag(plainBytes), 0x15, ...zigzag(body.length), ...counts];
    };
    const page = (plainBytes: number) => Uint8Array.from([...header(plainBytes), ...body]);
    expect(openPage(page(1 << 20), column, false).bytes.length).toBe(1 << 20);
    // Before it is decompressed, which would make room for all that it claims.
    expect(() => openPage(page(1000), column, false)).toThrow("frame claims another size");
    expect(isCorrupt(() => openPage(page(2 ** 30), column, false))).toBe(true);
  });

  test("bears any footer", () => {
    const random = prng(8);
    const end = data.length - 8 - meta.footerBytes;
    const footer = data.subarray(end, data.length - 8);
    expect(parseFooter(footer, end).rows).toBe(meta.spans);
    let refused = 0;
    for (let i = 0; i < 1500; i++) {
      const damaged = damage(footer, random);
      if (isCorrupt(() => parseFooter(damaged, end))) refused++;
    }
    for (let i = 0; i < 1500; i++) {
      if (isCorrupt(() => parseFooter(random.bytes(random.below(400)), end))) refused++;
    }
    expect(refused).toBeGreaterThan(1500);
  });
});
