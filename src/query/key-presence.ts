/**
 * Which entries of a segment have an attribute of some key, whatever its value: found once, and
 * kept as a bitmap, so that the next question needs none of the values.
 */
import type { DistinctExports, ScanExports } from "../kernel/scan-kernel.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes, type Vector } from "../vector/vector.ts";
import { RowBits } from "./row-bits.ts";
import type { Entries } from "./segment.ts";

export interface PresenceTools {
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly kernel: ScanExports & Pick<DistinctExports, "hasCommon">;
  /** Under which the bitmap is kept. */
  readonly name: string;
}

/** Whether one of the entries with a bit has a value in one of the vectors. */
export function someHave(
  vectors: () => readonly Vector[],
  { bits, count, entries }: Entries,
  { keeper, scratch, kernel, name }: PresenceTools,
): boolean {
  if (count === 0) return false;
  const bytes = bitmapBytes(entries);
  const present = keeper.get(
    name,
    () => bytes,
    (at) => {
      scratch.within(() => {
        const rows = new RowBits(scratch, kernel);
        let found = rows.none(entries);
        for (const vector of vectors()) {
          found = rows.or(found, presentIn(vector, entries, { rows, scratch, kernel }), entries);
        }
        scratch.bytes.copyWithin(at, found, found + bytes);
      });
      return at;
    },
  );
  return kernel.hasCommon(present, bits, bytes) !== 0;
}

function presentIn(
  vector: Vector,
  entries: number,
  { rows, scratch, kernel }: Pick<PresenceTools, "scratch" | "kernel"> & { readonly rows: RowBits },
): number {
  if (vector.kind !== "codes") return vector.present === 0 ? rows.all(entries) : vector.present;
  const absent = scratch.take(bitmapBytes(entries));
  kernel.equalCodes(vector.at, vector.width, entries, 0, absent);
  return rows.not(absent, entries);
}
