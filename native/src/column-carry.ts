/**
 * From one half to the next: the densest columns of a sealed half are there when the next one
 * begins, so that no new key can be quicker than they are. A column without a value costs 64
 * bytes of the head and is in no block.
 *
 * The ranking is taken at the cut and kept in the writer's scratch, for by the time that the next
 * half begins it may be the same one.
 *
 *   rank    := (score << 32 | 2^32 - 1 - index) u64 [columns], descending
 *   carried := text u32 · length u32 · scope * 16 + type u32 · sightings before u32
 */
import { ageSightings, barAfter } from "./column-admit";
import { addColumn, columnAt, columns, commit, keyAt } from "./half";
import { addKey, copyOver, findKey } from "./intern";
import {
  COL_ATTRIBUTE_FIRST,
  COLUMN_BEFORE,
  COLUMN_BYTES,
  COLUMN_COUNT,
  COLUMN_KEY,
  COLUMN_SCOPE,
  COLUMN_TYPE,
  COLUMNS_CARRIED,
  KEYS_MAX,
} from "./layout";
import { CARRIED_BYTES, scratchCarried, scratchCarriedText, scratchRank } from "./scratch";

let carried: u32 = 0;

/** At a cut, of the half that this instance writes to: notes the columns for the next half. */
export function rankColumns(): void {
  sortByScore();
  const ranked = min(columns - COL_ATTRIBUTE_FIRST, <u32>COLUMNS_CARRIED);
  let text = scratchCarriedText;
  carried = 0;
  while (carried < ranked) {
    const rank = load<u64>(scratchRank + carried * 8);
    const score = <u32>(rank >> 32);
    // One that came once is as good as new; further down it must be worth its place.
    if (score <= barAfter(carried)) break;
    const column = columnAt + (u32.MAX_VALUE - <u32>rank) * COLUMN_BYTES;
    const key = keyAt + load<u32>(column, COLUMN_KEY) * 16;
    const length = load<u32>(key, 4);
    copyOver(text, load<u32>(key), length);
    const at = scratchCarried + carried * CARRIED_BYTES;
    store<u32>(at, text);
    store<u32>(at, length, 4);
    store<u32>(at, load<u32>(column, COLUMN_SCOPE) * 16 + load<u32>(column, COLUMN_TYPE), 8);
    store<u32>(at, score >> 1, 12);
    text += length;
    carried += 1;
  }
  ageSightings();
}

/** By insertion: columns of a half that began with a ranking are nearly in order. */
function sortByScore(): void {
  let end = scratchRank;
  for (let index: u32 = COL_ATTRIBUTE_FIRST; index < columns; index++) {
    const column = columnAt + index * COLUMN_BYTES;
    const score = <u64>load<u32>(column, COLUMN_COUNT) + load<u32>(column, COLUMN_BEFORE);
    const rank = (score << 32) | <u64>(u32.MAX_VALUE - index);
    let at = end;
    while (at > scratchRank && load<u64>(at - 8) < rank) {
      store<u64>(at, load<u64>(at - 8));
      at -= 8;
    }
    store<u64>(at, rank);
    end += 8;
  }
}

/** Gives the half, which was just made empty, the columns that rankColumns() noted last. */
export function carryColumns(): void {
  const end = scratchCarried + carried * CARRIED_BYTES;
  for (let at = scratchCarried; at < end; at += CARRIED_BYTES) {
    const text = load<u32>(at);
    const length = load<u32>(at, 4);
    const kind = load<u32>(at, 8);
    let key = findKey(text, length);
    if (key == KEYS_MAX) key = addKey(text, length);
    store<u32>(addColumn(key, kind & 15, kind >> 4), load<u32>(at, 12), COLUMN_BEFORE);
  }
  commit();
}
