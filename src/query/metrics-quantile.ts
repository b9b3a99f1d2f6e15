/** Quantiles as Tempo finds them, from counts of values in buckets that end at powers of two. */

export interface Bucket {
  /** The upper one. */
  readonly bound: number;
  /** By slot. */
  readonly counts: Float64Array;
}

/**
 * Between the bound of the bucket before (of those that are not empty) and that of the bucket in
 * which the value lies, by powers of two; 0 when there are none. Buckets ascend.
 */
export function quantileAt(p: number, buckets: readonly Bucket[], slot: number): number {
  let total = 0;
  for (const { counts } of buckets) total += counts[slot];
  if (total === 0) return 0;
  const rank = Math.max(1, Math.ceil(p * total));
  let before = 0;
  let previous: number | undefined;
  for (const { bound, counts } of buckets) {
    const count = counts[slot];
    if (count === 0) continue;
    if (before + count === rank) return bound;
    if (before + count > rank) {
      const high = Math.log2(bound);
      const low = previous === undefined ? high - 1 : Math.log2(previous);
      return 2 ** (low + (high - low) * ((rank - before) / count));
    }
    before += count;
    previous = bound;
  }
  return 0;
}
