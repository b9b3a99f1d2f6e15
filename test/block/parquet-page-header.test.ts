/** Headers of pages: what is written is read, by others too, and damage is told. */
import { deserializeTCompactProtocol } from "hyparquet/src/thrift.js";
import { expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import type { PageHead } from "../../src/block/parquet-footer.ts";
import {
  PAGE_HEADER_BYTES_MAX,
  readPageHeader,
  writePageHeader,
} from "../../src/block/parquet-page-header.ts";
import { type Encoding, encodings } from "../../src/block/parquet-schema.ts";

const SEED = 20261130;
const random = prng(SEED);

function anyPage(): PageHead {
  const names = Object.keys(encodings) as Encoding[];
  const number = () => random.below(2 ** random.below(27));
  return {
    kind: random.below(2) === 0 ? "data" : "dictionary",
    values: number(),
    encoding: names[random.below(names.length)],
    plainBytes: number(),
    storedBytes: number(),
    crc32: random.below(2 ** 32),
  };
}

function written(page: PageHead): Uint8Array {
  const room = new Uint8Array(PAGE_HEADER_BYTES_MAX);
  return room.slice(0, writePageHeader(page, room));
}

test(`what is written is read, here and by another reader, seed ${SEED}`, () => {
  for (let i = 0; i < 2000; i++) {
    const page = anyPage();
    const bytes = written(page);
    const { kind, plainBytes, storedBytes, crc32, values } = page;
    const header = readPageHeader(new Uint8Array([...bytes, 7, 7]));
    expect(header).toEqual({
      ...{ type: kind === "data" ? 0 : 2, plainBytes, storedBytes, values, crc32: crc32 | 0 },
      ...{ encoding: encodings[page.encoding], isChecked: true, fits: true },
      headerBytes: bytes.length,
    });
    const { buffer } = bytes as Uint8Array<ArrayBuffer>;
    const other = deserializeTCompactProtocol({ view: new DataView(buffer), offset: 0 });
    expect(other["field_2"]).toBe(plainBytes);
    expect(other["field_4"]).toBe(crc32 | 0);
    expect(other[kind === "data" ? "field_5" : "field_7"].field_1).toBe(values);
  }
});

test(`damage is told, or the header has no checksum any more, seed ${SEED}`, () => {
  for (let i = 0; i < 20_000; i++) {
    const bytes = written(anyPage());
    const length = random.below(8) === 0 ? random.below(bytes.length) : bytes.length;
    const cut = bytes.slice(0, length);
    for (let flips = 1 + random.below(3); flips > 0 && cut.length > 0; flips--) {
      cut[random.below(cut.length)] ^= 1 + random.below(255);
    }
    try {
      const { fits, isChecked, headerBytes } = readPageHeader(cut);
      expect(headerBytes).toBeLessThanOrEqual(cut.length);
      if (fits && isChecked) expect(cut).toEqual(bytes);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "block_corrupt") throw error;
    }
  }
});
