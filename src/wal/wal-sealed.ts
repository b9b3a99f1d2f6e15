/**
 * The segments that are no longer written: when they may be removed, and in which order.
 *
 * Invariants:
 * (1) Sorted by start. Of those newer than the newest acknowledged one nothing counts, once the
 *     group that wrote them was lost: they are void, and go when the next segment is created, or
 *     before.
 * (2) The others go from the oldest on. A dirty one holds bytes that must not come back, and it is
 *     its successor's header that says so: it is gone durably before the successor goes.
 * (3) Never the newest segment with a completed sync: the folder would forget its positions.
 *
 * A released file of full size becomes a spare (wal-spares.ts). The kernel takes 13 ms to free
 * 64 MiB (ext4), in which nothing could be acknowledged. So of a file that is removed the name goes
 * at once, and its bytes go with freeSome(), FREE_BYTES in 1.3 ms each time.
 */
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { errorCode, WalError } from "./wal-error.ts";
import type { WalDisk, WalFile } from "./wal-file.ts";
import { type SegmentCut, type SegmentLink, segmentName } from "./wal-format.ts";
import { type Spare, type SpareFile, WalSpares } from "./wal-spares.ts";

/** Bytes of a file that are freed in one step. */
export const FREE_BYTES = 4 * MiB;

export interface SealedSegment {
  readonly start: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** All its records lie below this position; its own start when it has none that count. */
  readonly goodEnd: number;
  /** It holds bytes that must not come back. */
  readonly dirty: boolean;
}

export interface WalSealedOptions {
  readonly disk: WalDisk;
  readonly segments: readonly SealedSegment[];
  readonly spares: readonly Spare[];
  readonly sparesMax: number;
  /** Smaller files are not worth keeping. */
  readonly spareBytesMin: number;
}

export class WalSealed {
  /** Segments that release() removed. */
  released = 0;
  /** Unlinks that the disk refused; each is tried again. */
  refused = 0;
  #bytes = 0;
  #segments: SealedSegment[] = [];
  readonly #disk: WalDisk;
  readonly #spares: WalSpares;
  readonly #spareBytesMin: number;
  /** Files without a name whose bytes are still to be freed. */
  readonly #nameless: { readonly file: WalFile; bytes: number }[] = [];
  /** A dirty file was unlinked, and the folder not synced since. */
  #unlinkPending = false;

  constructor(options: WalSealedOptions) {
    this.#disk = options.disk;
    this.#spares = new WalSpares(options.disk, options.spares, options.sparesMax);
    this.#spareBytesMin = options.spareBytesMin;
    for (const segment of options.segments) this.push(segment);
  }

  get count(): number {
    return this.#segments.length;
  }

  /** Where the oldest begins; undefined: there is none. */
  get oldest(): number | undefined {
    return this.#segments[0]?.start;
  }

  /** Of all segments together, files included that are not freed yet. */
  get bytes(): number {
    return this.#bytes;
  }

  get spareBytes(): number {
    return this.#spares.bytes;
  }

  /** The file of a new segment with this name; undefined when one has to be created. */
  takeSpare(name: string, header: (inherited: number) => Uint8Array): SpareFile | undefined {
    const spare = this.#spares.take(name, header);
    if (spare === undefined || "taken" in spare) return spare?.taken;
    this.#removeSpare(spare.failed, false);
    return undefined;
  }

  /** Gives the disk a spare back, with freeSome(); false when there is none. */
  dropSpare(): boolean {
    const spare = this.#spares.pop();
    if (spare === undefined) return false;
    this.#removeSpare(spare, true);
    return true;
  }

  /** What the next segment's header must say of those that hold bytes which must not come back. */
  cuts(): SegmentCut[] {
    return this.#segments
      .filter((segment) => segment.dirty)
      .map((segment) => ({ start: segment.start, end: segment.goodEnd }));
  }

  push(segment: SealedSegment): void {
    const newest = this.#segments.at(-1)?.start ?? -1;
    assert(segment.start > newest, "wal: segments sealed out of order");
    this.#segments.push(segment);
    this.#bytes += segment.bytes;
  }

  /** A group was lost: nothing behind `acked` counts. Removes what it can of that. */
  takeBack(acked: SegmentLink | undefined): void {
    const start = acked?.start ?? -1;
    this.#segments = this.#segments.map((segment) => {
      if (segment.start < start) return segment;
      const goodEnd = segment.start === start && acked ? acked.end : segment.start;
      const dirty = segment.dirty || segment.start + segment.bytes > goodEnd;
      return { ...segment, goodEnd, dirty };
    });
    this.#removeVoid(acked);
  }

  /** Throws WalError when `filesMax` files that are void stay whatever we do. */
  removeVoid(acked: SegmentLink | undefined, filesMax: number): void {
    const left = this.#removeVoid(acked);
    if (left < filesMax) return;
    throw new WalError("failed", `log: ${left} files of failed writes cannot be removed`);
  }

  /** Removes, from the oldest on, what lies below `position` and is older than `acked`. */
  release(position: number, acked: SegmentLink | undefined): void {
    for (;;) {
      const segment = this.#segments[0];
      if (!segment || segment.goodEnd > position || segment.start >= (acked?.start ?? 0)) return;
      if (!this.#unlinksDurable()) return;
      if (!this.#isKept(segment) && !this.#unlink(segment)) return;
      this.#segments.shift();
      this.#unlinkPending = segment.dirty;
      this.released++;
    }
  }

  /** Frees some bytes of removed files, in about 1.3 ms. False when nothing is left to free. */
  freeSome(): boolean {
    const first = this.#nameless[0];
    if (!first) return false;
    const left = Math.max(0, first.bytes - FREE_BYTES);
    try {
      if (left > 0) first.file.truncate(left);
      else first.file.close();
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      this.refused++; // the kernel frees it when the process ends
      this.#bytes -= first.bytes;
      this.#nameless.shift();
      return true;
    }
    this.#bytes -= first.bytes - left;
    first.bytes = left;
    if (left === 0) this.#nameless.shift();
    return true;
  }

  /** How many stay. A segment of the running group has a good end behind its start. */
  #removeVoid(acked: SegmentLink | undefined): number {
    const isVoid = (segment: SealedSegment) =>
      segment.goodEnd === segment.start && segment.start > (acked?.start ?? -1);
    this.#segments = this.#segments.filter((segment) => !isVoid(segment) || !this.#unlink(segment));
    return this.#segments.filter(isVoid).length;
  }

  #unlinksDurable(): boolean {
    if (!this.#unlinkPending) return true;
    try {
      this.#disk.syncFolder();
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return false;
    }
    this.#unlinkPending = false;
    return true;
  }

  /** True when the file is a spare from now on. */
  #isKept({ start, bytes, dirty }: SealedSegment): boolean {
    if (dirty || bytes < this.#spareBytesMin) return false;
    if (!this.#spares.keep(start, segmentName(start), bytes)) return false;
    this.#bytes -= bytes;
    return true;
  }

  #removeSpare({ name, bytes }: Spare, mayTouch: boolean): void {
    this.#bytes += bytes; // if it stays, it counts
    this.#remove(name, bytes, mayTouch);
  }

  /** True when the file is gone. */
  #unlink({ start, bytes, dirty }: SealedSegment): boolean {
    // A dirty one may be one whose sync failed, which must not be touched in any way.
    return this.#remove(segmentName(start), bytes, !dirty);
  }

  #remove(name: string, bytes: number, mayTouch: boolean): boolean {
    const file = mayTouch && bytes > FREE_BYTES ? this.#openToFree(name) : undefined;
    try {
      this.#disk.unlink(name);
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined) throw error;
      if (code !== "ENOENT") {
        this.refused++;
        file?.close();
        return false;
      }
    }
    if (file) this.#nameless.push({ file, bytes });
    else this.#bytes -= bytes;
    return true;
  }

  /** Undefined when the disk refuses: then the file is freed in one go. */
  #openToFree(name: string): WalFile | undefined {
    try {
      return this.#disk.open(name, "write");
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return undefined;
    }
  }
}
