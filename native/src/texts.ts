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

/**
 * table[i + 1] = 1 for each text that is the pieces in their order, with any bytes between them:
 * the first piece begins it, the last one ends it; one piece alone is all of it. A piece is two
 * words at `pieces`: address and length.
 */
export function matchTexts(offsets: u32, texts: u32, count: u32, pieces: u32, most: u32,
                           table: u32): void {
  const first = load<u32>(pieces);
  const firstBytes = load<u32>(pieces, 4);
  const last = pieces + (most - 1) * 8;
  const lastBytes = load<u32>(last, 4);
  for (let i: u32 = 0; i < count; i++) {
    let at = texts + load<u32>(offsets + i * 4);
    let end = texts + load<u32>(offsets + i * 4, 4);
    const length = end - at;
    if (most == 1) {
      if (length == firstBytes && equal(at, first, length)) store<u8>(table + i + 1, 1);
      continue;
    }
    if (length < firstBytes + lastBytes || !equal(at, first, firstBytes)) continue;
    end -= lastBytes;
    if (!equal(end, load<u32>(last), lastBytes)) continue;
    at += firstBytes;
    let piece = pieces + 8;
    for (; piece < last; piece += 8) {
      const bytes = load<u32>(piece, 4);
      at = findIn(at, end, load<u32>(piece), bytes);
      if (!at) break;
      at += bytes;
    }
    if (piece == last) store<u8>(table + i + 1, 1);
  }
}

/** Where the text is in [at, end); 0 when it is not. It is not empty. */
function findIn(at: u32, end: u32, text: u32, bytes: u32): u32 {
  if (end - at < bytes) return 0;
  const begin = load<u8>(text);
  for (const stop = end - bytes; at <= stop; at++) {
    if (load<u8>(at) == begin && equal(at, text, bytes)) return at;
  }
  return 0;
}
