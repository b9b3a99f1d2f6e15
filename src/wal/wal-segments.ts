/**
 * Which segments there are, and which of their bytes count.
 *
 * Each segment's header says where the one before it ended in the writer's eyes: behind that end
 * lie only bytes that were never acknowledged. A file that the chain leaves out was given up with
 * all its records. So the truth is followed from the newest file backwards:
 *
 *   A ◀──(A, end 900)── C ◀──(C, end 4096)── D         B lies between A and C: it is void.
 *        B                                             D's cuts: (A, 900), (B, nothing).
 *
 * A header also repeats the ends of all older files that hold more than counts, so that nothing
 * given up comes back through the loss of a header in between.
 */
import { assert } from "../base/assert.ts";
import { errorCode, WalError } from "./wal-error.ts";
import { retried, type WalDisk, type WalFile } from "./wal-file.ts";
import {
  claimedHeaderBytes,
  isSpare,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  type SegmentLink,
  segmentStart,
} from "./wal-format.ts";
import type { Spare } from "./wal-spares.ts";

export interface SegmentFile {
  readonly name: string;
  readonly start: number;
  readonly bytes: number;
  /** Undefined when damaged. */
  readonly header: SegmentHeader | undefined;
}

interface Listing {
  /** By start. */
  readonly files: readonly SegmentFile[];
  /** Names of what is no segment, and of files that wait to become one. */
  readonly foreign: readonly string[];
  readonly spares: readonly Spare[];
}

export function listSegments(disk: WalDisk): Listing {
  const files: SegmentFile[] = [];
  const foreign: string[] = [];
  const spares: Spare[] = [];
  for (const name of disk.list()) {
    const start = segmentStart(name);
    if (start !== undefined) files.push(readFile(disk, name, start));
    else if (isSpare(name)) spares.push({ name, bytes: sizeOf(disk, name) });
    else foreign.push(name);
  }
  files.sort((a, b) => a.start - b.start);
  return { files, foreign, spares };
}

function sizeOf(disk: WalDisk, name: string): number {
  const file = disk.open(name, "read");
  try {
    return file.size();
  } finally {
    file.close();
  }
}

function readFile(disk: WalDisk, name: string, start: number): SegmentFile {
  const file = disk.open(name, "read");
  try {
    const bytes = file.size();
    const claimed = claimedHeaderBytes(readHead(file, SEGMENT_HEADER_BYTES));
    const header = readSegmentHeader(readHead(file, claimed), start);
    if (typeof header === "object" && "version" in header) {
      throw new WalError("failed", `log: ${name} is of version ${header.version}, not known here`);
    }
    return { name, start, bytes, header: header === "damaged" ? undefined : header };
  } finally {
    file.close();
  }
}

/** Fewer bytes than asked for at the end of the file, and none where they cannot be read. */
function readHead(file: WalFile, bytes: number): Uint8Array {
  const head = new Uint8Array(bytes);
  try {
    return head.subarray(
      0,
      retried(() => file.read(head, 0)),
    );
  } catch (error) {
    if (errorCode(error) !== "EIO") throw error;
    return new Uint8Array(0); // a damaged header; the rest of the file may be whole
  }
}

/** One segment's place in the chain. */
export interface ChainPlace {
  readonly file: SegmentFile;
  /** False: nothing in it was acknowledged, or all of it was given up. */
  readonly counts: boolean;
  /** Where a newer one says that it ends; undefined when none says it. */
  readonly statedEnd: number | undefined;
  readonly salt: number | undefined;
  /** Nothing newer counts: what does not fit at its end was never finished. */
  readonly newest: boolean;
}

/** Positions of a segment that another one names and that is not there. */
export interface WalGap {
  readonly from: number;
  readonly to: number;
}

/**
 * Follows the chain. `hasRecords` is asked about files whose header is damaged while nothing newer
 * counts: one without records was being created when the process died, and is void.
 */
export function resolveChain(
  files: readonly SegmentFile[],
  hasRecords: (file: SegmentFile) => boolean,
): { places: ChainPlace[]; gaps: WalGap[] } {
  const places: ChainPlace[] = [];
  const gaps: WalGap[] = [];
  let expected: SegmentLink | "unknown" | "nothing" = "unknown";
  const cuts = new Map<number, number>();
  let newest = true;
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index];
    assert(index === 0 || files[index - 1].start < file.start, "wal: segments not sorted");
    if (expected !== "unknown" && expected !== "nothing" && file.start < expected.start) {
      gaps.push({ from: expected.start, to: expected.end });
      expected = "unknown";
    }
    const skipped: boolean =
      expected === "nothing" ||
      (expected !== "unknown" && file.start > expected.start) ||
      cuts.get(file.start) === file.start;
    if (skipped || (newest && !file.header && !hasRecords(file))) {
      places.push({ file, counts: false, statedEnd: undefined, salt: undefined, newest: false });
      continue;
    }
    const stated: SegmentLink | undefined = typeof expected === "object" ? expected : undefined;
    const cut = cuts.get(file.start);
    for (const { start, end } of file.header?.cuts ?? []) {
      if (!cuts.has(start)) cuts.set(start, end);
    }
    places.push({
      file,
      counts: true,
      statedEnd: cut ?? stated?.end,
      salt: file.header?.salt ?? (stated?.salt || undefined),
      newest,
    });
    newest = false;
    expected = file.header ? (file.header.previous ?? "nothing") : "unknown";
  }
  return { places: places.reverse(), gaps: gaps.reverse() };
}
