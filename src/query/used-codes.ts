/** Which codes occur among some entries. */
import type { CodesVector } from "../vector/vector.ts";
import type { Entries } from "./segment.ts";
import type { TagTools } from "./tag-rows.ts";

/** Code - 1, ascending. */
export function usedCodes(
  { at, width, size }: Pick<CodesVector, "at" | "width"> & { readonly size: number },
  { bits, entries }: Entries,
  { scratch, kernel }: TagTools,
): number[] {
  return scratch.within(() => {
    const table = scratch.take(size + 1);
    kernel.markCodes(at, width, entries, bits, size, table);
    const used: number[] = [];
    for (let i = 0; i < size; i++) if (scratch.bytes[table + 1 + i] === 1) used.push(i);
    return used;
  });
}
