/**
 * Dictionaries for columns of texts that have none in their file: each distinct text once, found
 * by open addressing over a table of words (0: free, else index + 1).
 *
 * Text i lies at texts + offsets[i] and ends where the next one begins. `state` is two words: how
 * many texts there are, and their bytes together.
 */
import { copyOver, equal, hash } from "./intern";

/** The bytes of a page are not what they should be. */
const BAD: u32 = 0xffffffff;
/** The next text has no room. */
const FULL: u32 = 0xfffffffe;

/**
 * Takes up a page of PLAIN texts in [from, end): passes over `skip`, then gives each of `count` its
 * index, words to `out`. `mask` is the table's length less one, `texts` has `room` bytes and 16
 * more. Returns `count`, BAD or FULL.
 */
export function internTexts(from: u32, end: u32, skip: u32, count: u32, state: u32, table: u32,
                            mask: u32, offsets: u32, texts: u32, room: u32, out: u32): u32 {
  let p = from;
  for (let i: u32 = 0; i < skip; i++) {
    if (p + 4 > end) return BAD;
    const length = load<u32>(p);
    if (length > end - p - 4) return BAD;
    p += 4 + length;
  }
  let known = load<u32>(state);
  let used = load<u32>(state, 4);
  for (let i: u32 = 0; i < count; i++) {
    if (p + 4 > end) return BAD;
    const length = load<u32>(p);
    p += 4;
    if (length > end - p) return BAD;
    let slot = hash(p, length) & mask;
    let index: u32 = 0;
    while (true) {
      index = load<u32>(table + slot * 4);
      if (!index) break;
      const at = load<u32>(offsets + (index - 1) * 4);
      const bytes = load<u32>(offsets + index * 4) - at;
      if (bytes == length && equal(texts + at, p, length)) break;
      slot = (slot + 1) & mask;
    }
    if (!index) {
      if (length > room - used) return FULL;
      copyOver(texts + used, p, length);
      used += length;
      known += 1;
      store<u32>(offsets + known * 4, used);
      store<u32>(table + slot * 4, known);
      index = known;
    }
    store<u32>(out + i * 4, index - 1);
    p += length;
  }
  store<u32>(state, known);
  store<u32>(state, used, 4);
  return count;
}

/** Index of the text of `length` bytes at `text` among `count`; 0xffffffff: it is none of them. */
export function findText(offsets: u32, texts: u32, count: u32, text: u32, length: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const at = load<u32>(offsets + i * 4);
    if (load<u32>(offsets + i * 4, 4) - at != length) continue;
    if (equal(texts + at, text, length)) return i;
  }
  return 0xffffffff;
}
