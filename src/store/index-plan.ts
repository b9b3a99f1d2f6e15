/**
 * Which segments of the index are written and which may go: pure. Many blocks a segment, so that a
 * start costs few requests; seldom, so that the index costs few writes.
 */

/** A segment as the last poll found it. */
export interface KnownSegment {
  readonly key: string;
  /** Ids of the blocks in it. */
  readonly ids: readonly string[];
}

export interface IndexPlan {
  /** Ids by segment to write. */
  readonly write: readonly (readonly string[])[];
  /** Keys of segments that may go afterwards. */
  readonly remove: readonly string[];
}

/** So many blocks outside of the index are worth a segment. */
export const INDEX_BLOCKS_MIN = 64;
/** At 50,000 traces a block its filters are 16 MiB. */
export const INDEX_BLOCKS_MAX = 256;

/** `live` are all blocks; a block that several segments have counts in the one with the most. */
export function planIndex(live: ReadonlySet<string>, segments: readonly KnownSegment[]): IndexPlan {
  const indexed = new Set<string>();
  const kept: KnownSegment[] = [];
  const sparse: { readonly key: string; readonly ids: readonly string[] }[] = [];
  const dead: string[] = [];
  const livingOf = ({ ids }: KnownSegment) => ids.filter((id) => live.has(id));
  const fullestFirst = segments
    .map((segment) => ({ key: segment.key, ids: livingOf(segment) }))
    .toSorted((a, b) => b.ids.length - a.ids.length || (a.key < b.key ? -1 : 1));
  for (const segment of fullestFirst) {
    const own = segment.ids.filter((id) => !indexed.has(id));
    if (own.length === 0) dead.push(segment.key);
    else if (own.length * 2 >= INDEX_BLOCKS_MAX) {
      kept.push(segment);
      for (const id of own) indexed.add(id);
    } else sparse.push({ key: segment.key, ids: own });
  }
  const outside = [...live].filter((id) => !indexed.has(id));
  const inSparse = new Set(sparse.flatMap(({ ids }) => ids));
  if (outside.length - inSparse.size < INDEX_BLOCKS_MIN) return { write: [], remove: dead };
  const write: string[][] = [];
  for (let at = 0; at < outside.length; at += INDEX_BLOCKS_MAX) {
    write.push(outside.slice(at, at + INDEX_BLOCKS_MAX));
  }
  return { write, remove: [...dead, ...sparse.map(({ key }) => key)] };
}
