/**
 * Counts by slot, of the slots from the first to the last that something was counted in: a block
 * covers some of a long question's time, and values are thousands. Plain data.
 */

export interface SlotCounts {
  /** The slot of the first of them. */
  first: number;
  counts: Uint32Array<ArrayBuffer>;
}

/** Stands for more, too. */
const COUNT_MAX = 0xffff_ffff;

export function emptySlots(): SlotCounts {
  return { first: 0, counts: new Uint32Array(0) };
}

/** Adds the counts of slots from `first` on. */
export function addSlots(to: SlotCounts, first: number, added: Uint32Array): void {
  let from = 0;
  let end = added.length;
  while (from < end && added[from] === 0) from++;
  while (end > from && added[end - 1] === 0) end--;
  if (from === end) return;
  reach(to, first + from, first + end);
  const { counts } = to;
  const shift = first - to.first;
  for (let i = from; i < end; i++) {
    counts[shift + i] = Math.min(COUNT_MAX, counts[shift + i] + added[i]);
  }
}

/** Makes room for slots from `first` to before `end`. */
function reach(to: SlotCounts, first: number, end: number): void {
  const { counts } = to;
  const before = to.first + counts.length;
  if (counts.length > 0 && to.first <= first && end <= before) return;
  const from = counts.length === 0 ? first : Math.min(first, to.first);
  const until = counts.length === 0 ? end : Math.max(end, before);
  const wider = new Uint32Array(until - from);
  if (counts.length > 0) wider.set(counts, to.first - from);
  to.first = from;
  to.counts = wider;
}

export function sumSlots({ counts }: SlotCounts): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i];
  return sum;
}

/** Of all slots. */
export function allSlots({ first, counts }: SlotCounts, slots: number): Float64Array {
  const all = new Float64Array(slots);
  all.set(counts, first);
  return all;
}
