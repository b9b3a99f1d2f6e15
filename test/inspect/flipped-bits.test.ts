/**
 * A flipped bit anywhere in a block is found by verify, and no reader gives a wrong answer for it:
 * what is read is right, or it says that the block is damaged.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { FileCache } from "../../src/block/file-cache.ts";
import { type DataFile, readDataFile } from "../../src/block/parquet-footer-read.ts";
import { openPage } from "../../src/block/parquet-page-read.ts";
import type { Finding } from "../../src/inspect/finding.ts";
import { InspectedStore } from "../../src/inspect/inspected-store.ts";
import { verifyBlock } from "../../src/inspect/verify-block.ts";
import { type BlockMeta, readBlockMeta } from "../../src/model/block-meta.ts";
import { freshReader, type ShownSpan, shown } from "../block/read-stored.ts";
import { contentOf } from "../compact/merge-kernel.ts";
import { goldenBlocks } from "../golden/golden-blocks.ts";

const FLIPS = 100;
const TENANT = "single-tenant";
/** Ids that are read after each flip; more would only take longer. */
const TRACES_READ = 3;

const root = mkdtempSync(join(tmpdir(), "vivace-flip-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Byte ranges of a file, from and to. */
type Regions = Readonly<Record<string, readonly (readonly [number, number])[]>>;

function regionsOf(path: string, { columns, pageIndex }: DataFile, meta: BlockMeta): Regions {
  const files = new FileCache(1);
  const headers: [number, number][] = [];
  const bodies: [number, number][] = [];
  for (const [place, column] of columns.entries()) {
    const { dictionaryAt, dataAt } = column;
    const add = (from: number, bytes: number, isDictionary: boolean) => {
      const { headerBytes } = openPage(files.read(path, from, bytes), column, isDictionary);
      headers.push([from, from + headerBytes]);
      bodies.push([from + headerBytes, from + bytes]);
    };
    if (dictionaryAt >= 0) add(dictionaryAt, dataAt - dictionaryAt, true);
    const { offsets, bytes } = pageIndex(place);
    for (const [i, at] of offsets.entries()) add(at, bytes[i], false);
  }
  files.forget("");
  const indexed = columns.filter(({ columnIndexBytes }) => columnIndexBytes > 0);
  const footerEnd = meta.dataBytes - 8;
  return {
    magic: [[0, 4]],
    "page headers": headers,
    "page bodies": bodies,
    "column indexes": indexed.map((one) => [
      one.columnIndexAt,
      one.columnIndexAt + one.columnIndexBytes,
    ]),
    "offset indexes": columns.map((one) => [one.indexAt, one.indexAt + one.indexBytes]),
    footer: [[footerEnd - meta.footerBytes, footerEnd]],
    "length and magic": [[footerEnd, meta.dataBytes]],
  };
}

for (const [name, blocks] of goldenBlocks().filter(([set]) => set.startsWith("checksums"))) {
  describe(`a flipped bit in a block of ${name}`, () => {
    const [{ folder: source, meta }] = blocks;
    const folder = join(root, name);
    const path = join(folder, "data.parquet");
    let traces: { id: Uint8Array; spans: readonly ShownSpan[] }[] = [];
    let regions: Regions = {};

    beforeAll(() => {
      cpSync(source, folder, { recursive: true });
      const files = new FileCache(1);
      regions = regionsOf(path, readDataFile(files, path), meta);
      files.forget("");
      const ids = contentOf(folder).get("trace_id") ?? [];
      const texts = [...new Set(ids.map((row) => String((row as unknown[])[0])))];
      traces = texts.slice(0, TRACES_READ).map((text) => {
        const id = Uint8Array.from(Buffer.from(text, "latin1"));
        return { id, spans: read(id) ?? [] };
      });
      expect(traces.every(({ spans }) => spans.length > 0)).toBe(true);
      expect(verified()).toEqual([]);
    });

    /** undefined: it says that the block is damaged. */
    function read(id: Uint8Array): ShownSpan[] | undefined {
      const { reader, caches } = freshReader();
      try {
        const rows = [...(reader.rows({ folder, meta }, TENANT, id) ?? [])];
        return rows.map((row) => shown(row, id));
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== "block_corrupt") throw error;
        expect(error.message).toContain(folder);
        return undefined;
      } finally {
        caches.close();
      }
    }

    function verified(): Finding[] {
      const found: Finding[] = [];
      const nameOf = (file: string) => join(folder, file);
      verifyBlock({ folder, meta, nameOf }, { add: (one) => found.push(one) }, () => {});
      return found;
    }

    function flip(file: string, bit: number): void {
      const bytes = readFileSync(join(source, file));
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      writeFileSync(join(folder, file), bytes);
    }

    function check(file: string, bit: number): void {
      flip(file, bit);
      try {
        const found = verified();
        expect([bit, found.map(({ object }) => object)]).toEqual([bit, expect.anything()]);
        expect([bit, found.length > 0]).toEqual([bit, true]);
        expect(found.every(({ object }) => object.startsWith(folder))).toBe(true);
        for (const { id, spans } of traces) {
          const now = read(id);
          if (now !== undefined) expect([bit, now]).toEqual([bit, spans]);
        }
      } finally {
        cpSync(join(source, file), join(folder, file));
      }
    }

    for (const region of [
      ...["magic", "page headers", "page bodies", "column indexes", "offset indexes"],
      ...["footer", "length and magic"],
    ]) {
      test(`in its ${region} is found`, () => {
        const random = prng(region.length);
        const ranges = regions[region];
        for (let i = 0; i < FLIPS; i++) {
          const [from, to] = ranges[random.below(ranges.length)];
          check("data.parquet", (from + random.below(to - from)) * 8 + random.below(8));
        }
      });
    }

    test("in its sidecar is found", () => {
      const random = prng(7);
      for (let i = 0; i < FLIPS; i++) {
        check("sidecar.bin", random.below(meta.sidecarBytes * 8));
      }
      for (let bit = 0; bit < 64 * 8; bit += 5) check("sidecar.bin", bit);
    });

    test("in its meta is found, and takes away the block", async () => {
      const bytes = readFileSync(join(source, "meta.json"));
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const damaged = Uint8Array.from(bytes);
        damaged[bit >>> 3] ^= 1 << (bit & 7);
        let isRead = true;
        try {
          readBlockMeta(damaged);
        } catch {
          isRead = false;
        }
        expect([bit, isRead]).toEqual([bit, false]);
      }
      const store = join(root, `${name}-store`);

      cpSync(source, join(store, "single", TENANT, meta.id), { recursive: true });
      const damaged = Uint8Array.from(bytes);
      damaged[40] ^= 4;
      writeFileSync(join(store, "single", TENANT, meta.id, "meta.json"), damaged);
      const listed = await new InspectedStore({ localPath: store, bucket: undefined }).list();
      expect(listed.blocks).toEqual([]);
      expect(listed.damaged.map(({ object }) => object)).toEqual([
        join(store, "single", TENANT, meta.id),
      ]);
    });
  });
}
