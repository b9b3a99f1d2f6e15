/**
 * Released segment files that the next segments are written into.
 *
 * A fresh file pays for each of its pages twice, in the page cache and in the file system: 0.28 µs
 * a span. One that is there already has both: 0.05 µs. So a few files go round:
 *
 *   0000…a4.wal ─ released ─▶ 0000…a4.spare ─ the next segment ─▶ 0000…f2.wal
 *
 * The file is not cut in between, or its pages would be gone. What it held is still behind the new
 * segment's end, and no reader takes it for anything: each record names its position, which is
 * never used twice, and carries the salt of its segment.
 *
 * Invariants:
 * (1) A spare's old name is gone from the folder durably before anything is written into it. Else
 *     a crash could leave the new content under the name of a segment that was released.
 * (2) Its new header is durable before it has its new name. Else a crash could leave a segment
 *     that nobody knows the salt of, full of bytes that senders chose.
 * (3) A file on which the disk failed is not tried again.
 */
import { errorCode } from "./wal-error.ts";
import { type WalDisk, type WalFile, writeFully } from "./wal-file.ts";
import { spareName } from "./wal-format.ts";

/** What the head releases at a time: a half is one or two segments. They stay when all is quiet. */
export const SPARES_MAX = 2;

export interface Spare {
  readonly name: string;
  readonly bytes: number;
}

/** A segment's file that holds its header and older content. */
export interface SpareFile {
  readonly file: WalFile;
  readonly bytes: number;
}

export class WalSpares {
  readonly #disk: WalDisk;
  readonly #max: number;
  readonly #spares: Spare[];
  /** The names are durable. */
  #durable = false;

  /** `left` are those that an earlier process left. */
  constructor(disk: WalDisk, left: readonly Spare[], max: number) {
    this.#disk = disk;
    this.#spares = [...left];
    this.#max = max;
  }

  get bytes(): number {
    return this.#spares.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Takes over a segment of which nothing is needed any more; false when it is not wanted. */
  keep(start: number, name: string, bytes: number): boolean {
    if (this.#spares.length >= this.#max) return false;
    const spare = unlessFailing(() => {
      this.#disk.rename(name, spareName(start));
      return { name: spareName(start), bytes };
    });
    if (spare === undefined) return false;
    this.#spares.push(spare);
    this.#durable = false;
    return true;
  }

  /**
   * The file of a new segment with this name, begun with `header` of the bytes it inherits;
   * undefined when there is no spare. When the disk refuses, the spare is `failed`, to be removed.
   */
  take(
    name: string,
    header: (inherited: number) => Uint8Array,
  ): { readonly taken: SpareFile } | { readonly failed: Spare } | undefined {
    const spare = this.#spares.shift();
    if (spare === undefined) return undefined;
    const bytes = header(spare.bytes);
    const file = unlessFailing(() => {
      if (!this.#durable) this.#disk.syncFolder();
      this.#durable = true;
      return this.#begin(spare, name, bytes);
    });
    if (file === undefined) return { failed: spare };
    return { taken: { file, bytes: Math.max(spare.bytes, bytes.byteLength) } };
  }

  #begin(spare: Spare, name: string, header: Uint8Array): WalFile {
    const file = this.#disk.open(spare.name, "write");
    try {
      writeFully(file, [header], 0);
      file.syncData();
      this.#disk.rename(spare.name, name);
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  }

  /** Gives one away, to be removed. */
  pop(): Spare | undefined {
    return this.#spares.pop();
  }
}

/** The log works without spares, so nobody needs to hear of it. */
function unlessFailing<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}
