/**
 * Which attributes get a column: those that many spans have. The others go to the residual.
 *
 * A half has 1,000 attribute columns for all tenants, and anyone may send any number of keys. So
 * the first columns are for whoever comes first, and behind them a key must have been seen a
 * number of times that doubles as columns run out: a flood of keys that come once (a request's id
 * as a key) ends there, and the race for what is left is won by those that come often.
 *
 * Sightings are counted in a sketch of fixed size: sets of eight (tag, count), found by the seeded
 * hash. A key that finds its set full takes one off all counts of the set, its own sighting with
 * them (Misra and Gries). So a count is never more than the truth, but for two hashes that are
 * equal in all 32 bits, and who is more than a ninth of what comes to its set stays in it. Counts
 * are kept from half to half, and halved: who was too late for a column is the first to get one
 * in the next half.
 *
 * Only attributes without a column come here; where there is one, nothing is counted or compared.
 */
import { columns } from "./half";
import { COL_ATTRIBUTE_FIRST, COLUMNS_AT_ONCE, COLUMNS_MAX, COLUMNS_PER_BAR } from "./layout";
import { scratchSketch, SKETCH_SET_BYTES, SKETCH_SETS } from "./scratch";

/** How often an attribute must have been seen to be the column after `taken` others. */
export function barAfter(taken: u32): u32 {
  if (taken < <u32>COLUMNS_AT_ONCE) return 1;
  return 2 << ((taken - <u32>COLUMNS_AT_ONCE) / COLUMNS_PER_BAR);
}

/**
 * Counts a sighting of an attribute without a column. Returns how many there were, this one too,
 * when it is to get a column now; 0 when not. `kind` tells scopes and types of a key apart.
 */
export function admit(hash: u32, kind: u32): u32 {
  const taken = columns - COL_ATTRIBUTE_FIRST;
  if (taken < <u32>COLUMNS_AT_ONCE) return 1;
  const place = sight(hash + kind * <u32>0x9e3779b1);
  if (!place) return 0;
  const sightings = load<u32>(place, 4);
  if (columns == COLUMNS_MAX || sightings < barAfter(taken)) return 0;
  store<u32>(place, 0, 4);
  return sightings;
}

/** Counts; returns the place of the tag, or 0 when its set is full. */
function sight(tag: u32): u32 {
  const set = scratchSketch + (tag & (SKETCH_SETS - 1)) * SKETCH_SET_BYTES;
  const end = set + SKETCH_SET_BYTES;
  let free: u32 = 0;
  for (let place = set; place < end; place += 8) {
    const count = load<u32>(place, 4);
    if (count == 0) free = place;
    else if (load<u32>(place) == tag) {
      store<u32>(place, count + 1, 4);
      return place;
    }
  }
  if (free) {
    store<u32>(free, tag);
    store<u32>(free, 1, 4);
    return free;
  }
  const one = i64x2.splat(1 << 32); // off the count, above the tag
  for (let pair = set; pair < end; pair += 16) {
    v128.store(pair, i64x2.sub(v128.load(pair), one));
  }
  return 0;
}

/** At a cut: what was seen before counts for half from now on. */
export function ageSightings(): void {
  const end = scratchSketch + SKETCH_SETS * SKETCH_SET_BYTES;
  for (let place = scratchSketch; place < end; place += 8) {
    store<u32>(place, load<u32>(place, 4) >> 1, 4);
  }
}
