/** Whether entries have a value in one of several vectors. */
import type { DistinctExports } from "../kernel/scan-kernel.ts";
import { bitmapBytes, type Vector } from "../vector/vector.ts";
import type { Entries } from "./segment.ts";

export function someHave(
  vectors: readonly Vector[],
  { bits, count, entries }: Entries,
  kernel: Pick<DistinctExports, "hasCode" | "hasCommon">,
): boolean {
  if (count === 0) return false;
  return vectors.some((vector) => {
    if (vector.kind === "codes") {
      return kernel.hasCode(vector.at, vector.width, entries, bits) !== 0;
    }
    return (
      vector.present === 0 || kernel.hasCommon(vector.present, bits, bitmapBytes(entries)) !== 0
    );
  });
}
