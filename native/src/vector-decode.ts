/**
 * Values of Parquet pages into vectors: plain arrays with one place a row.
 *
 * The bytes may be damaged: every read stays before `end`, and what does not fit gives BAD. Runs
 * and packed groups may claim more than is asked for; that is how pages end.
 */

/** What is returned for bytes that are not what they should be. */
export const BAD: u32 = 0xffffffff;

let at: u32 = 0; // after the last varint

/** A LEB128 number of at most 10 bytes; sets `at`, to 0 when it is cut off. */
function varint(p: u32, end: u32): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (p >= end) break;
    const byte = load<u8>(p++);
    value |= <u64>(byte & 127) << shift;
    if (byte < 128) {
      at = p;
      return value;
    }
  }
  at = 0;
  return 0;
}

function zigzag(p: u32, end: u32): i64 {
  const value = varint(p, end);
  return <i64>(value >> 1) ^ -(<i64>(value & 1));
}

/** Eight bytes from `p`, zeros behind `end`. */
// @ts-ignore: decorator
@inline
function eight(p: u32, end: u32): u64 {
  if (p + 8 <= end) return load<u64>(p);
  let value: u64 = 0;
  for (let i: u32 = 0; p + i < end; i++) value |= <u64>load<u8>(p + i) << (i * 8);
  return value;
}

/**
 * `count` numbers of the RLE/bit-packed hybrid in [from, end), `width` bits each (at most 32), as
 * u32 to `out`. Returns where it ended, or BAD. A width of zero has no bytes.
 */
export function unpack(from: u32, end: u32, width: u32, count: u32, out: u32): u32 {
  if (width > 32) return BAD;
  if (width == 0) {
    memory.fill(out, 0, count * 4);
    return from;
  }
  const mask: u64 = ((<u64>1) << width) - 1;
  const runBytes = (width + 7) >> 3;
  let p = from;
  let done: u32 = 0;
  while (done < count) {
    const header = varint(p, end);
    if (at == 0) return BAD;
    p = at;
    if (header & 1) {
      const groups = header >> 1;
      const bytes = groups * width;
      if (groups == 0 || bytes > <u64>(end - p)) return BAD;
      const here = <u32>min<u64>(groups * 8, <u64>(count - done));
      unpackBits(p, p + <u32>bytes, width, mask, here, out + done * 4);
      p += <u32>bytes;
      done += here;
    } else {
      const length = header >> 1;
      if (length == 0 || p + runBytes > end) return BAD;
      const value = <u32>(eight(p, p + runBytes) & mask);
      p += runBytes;
      const here = <u32>min<u64>(length, <u64>(count - done));
      for (let i: u32 = 0; i < here; i++) store<u32>(out + (done + i) * 4, value);
      done += here;
    }
  }
  return p;
}

/** A load of eight bytes holds any number of 32 bits or less, whatever bit it begins at. */
function unpackBits(from: u32, end: u32, width: u32, mask: u64, count: u32, out: u32): void {
  let p = from;
  let i: u32 = 0;
  // Groups of eight are `width` bytes; behind the last one that is loaded from there are eight.
  if (width <= 8) {
    const w = <u64>width;
    for (; i + 8 <= count && p + 8 <= end; i += 8) {
      const word = load<u64>(p);
      const to = out + i * 4;
      store<u32>(to, <u32>(word & mask));
      store<u32>(to, <u32>((word >> w) & mask), 4);
      store<u32>(to, <u32>((word >> (w * 2)) & mask), 8);
      store<u32>(to, <u32>((word >> (w * 3)) & mask), 12);
      store<u32>(to, <u32>((word >> (w * 4)) & mask), 16);
      store<u32>(to, <u32>((word >> (w * 5)) & mask), 20);
      store<u32>(to, <u32>((word >> (w * 6)) & mask), 24);
      store<u32>(to, <u32>((word >> (w * 7)) & mask), 28);
      p += width;
    }
  } else {
    for (; i + 8 <= count && p + width + 8 <= end; i += 8) {
      let bit: u32 = 0;
      for (let to = out + i * 4; to < out + i * 4 + 32; to += 4) {
        store<u32>(to, <u32>((load<u64>(p + (bit >> 3)) >> <u64>(bit & 7)) & mask));
        bit += width;
      }
      p += width;
    }
  }
  let bit: u32 = 0;
  for (; i < count; i++) {
    store<u32>(out + i * 4, <u32>((eight(p + (bit >> 3), end) >> <u64>(bit & 7)) & mask));
    bit += width;
  }
}

/** The same, each number in a byte: levels, of one bit or two. Writes up to 7 bytes more. */
export function unpackLevels(from: u32, end: u32, width: u32, count: u32, out: u32): u32 {
  if (width == 0 || width > 2) return BAD;
  let p = from;
  let done: u32 = 0;
  while (done < count) {
    const header = varint(p, end);
    if (at == 0 || at >= end) return BAD;
    p = at;
    const units = header >> 1;
    if (units == 0) return BAD;
    const to = out + done;
    if (header & 1) {
      if (units * width > <u64>(end - p)) return BAD;
      const here = <u32>min<u64>(units * 8, <u64>(count - done));
      spreadLevels(p, width, here, to);
      p += <u32>units * width;
      done += here;
    } else {
      const here = <u32>min<u64>(units, <u64>(count - done));
      memory.fill(to, load<u8>(p) & (width == 1 ? 1 : 3), here);
      p += 1;
      done += here;
    }
  }
  return p;
}

/** Eight levels at a time. */
function spreadLevels(from: u32, width: u32, count: u32, out: u32): void {
  let p = from;
  for (let i: u32 = 0; i < count; i += 8) {
    let levels: u64 = 0;
    if (width == 1) {
      const bits = (<u64>load<u8>(p) * 0x0101010101010101) & 0x8040201008040201;
      // A byte that is not zero carries into its highest bit.
      levels = ((bits + 0x7f7f7f7f7f7f7f7f) >> 7) & 0x0101010101010101;
    } else {
      const bits = <u32>load<u16>(p);
      for (let k: u32 = 0; k < 8; k++) levels |= <u64>((bits >> (k * 2)) & 3) << <u64>(k * 8);
    }
    store<u64>(out + i, levels);
    p += width;
  }
}

/** How many of the levels are `level`. */
export function countLevels(levels: u32, count: u32, level: u32): u32 {
  const wanted = i8x16.splat(<i8>level);
  let found: u32 = 0;
  let i: u32 = 0;
  for (; i + 16 <= count; i += 16) {
    found += popcnt(<u32>i8x16.bitmask(i8x16.eq(v128.load(levels + i), wanted)));
  }
  for (; i < count; i++) found += u32(load<u8>(levels + i) == level);
  return found;
}

/**
 * A bit for each level that is `max`: of `bits` those from `first` on, which were clear. There is
 * room for three bytes more.
 */
export function levelBits(levels: u32, max: u32, count: u32, bits: u32, first: u32): void {
  const wanted = i8x16.splat(<i8>max);
  for (let i: u32 = 0; i < count; i += 16) {
    let mask = <u32>i8x16.bitmask(i8x16.eq(v128.load(levels + i), wanted));
    if (count - i < 16) mask &= (1 << (count - i)) - 1;
    const at = bits + ((first + i) >> 3);
    store<u32>(at, load<u32>(at) | (mask << ((first + i) & 7)));
  }
}

/**
 * Codes to their places: out[i] = 1 + the next code where levels[i] is `max`, else 0. `levels` 0:
 * all are there. `width` is that of `out` in bytes. BAD for a code of `size` or more.
 */
export function spreadCodes(levels: u32, max: u32, count: u32, codes: u32, size: u32, out: u32,
                            width: u32): u32 {
  if (width == 1) return spreadAs<u8>(levels, max, count, codes, size, out);
  if (width == 2) return spreadAs<u16>(levels, max, count, codes, size, out);
  return spreadAs<u32>(levels, max, count, codes, size, out);
}

/** Codes are looked at as they are, and judged at the end. */
function spreadAs<T>(levels: u32, max: u32, count: u32, codes: u32, size: u32, out: u32): u32 {
  let most: u32 = 0;
  if (!levels) {
    for (let i: u32 = 0; i < count; i++) {
      const value = load<u32>(codes + i * 4);
      if (value > most) most = value;
      store<T>(out + i * sizeof<T>(), <T>(value + 1));
    }
    return count > 0 && most >= size ? BAD : count;
  }
  let next: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const isThere = u32(load<u8>(levels + i) == max);
    // Behind the last one there is something that does not count.
    const value = load<u32>(codes + next * 4) & (0 - isThere);
    if (value > most) most = value;
    store<T>(out + i * sizeof<T>(), <T>(value + isThere));
    next += isThere;
  }
  return next > 0 && most >= size ? BAD : next;
}

/**
 * Values of 8 bytes to their places; 0 where there is none, and then the bit `firstBit` + i of
 * `present` stays clear.
 */
export function spreadLongs(levels: u32, max: u32, count: u32, values: u32, out: u32,
                            present: u32, firstBit: u32): u32 {
  let next: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u8>(levels + i) != max) {
      store<u64>(out + i * 8, 0);
      continue;
    }
    store<u64>(out + i * 8, load<u64>(values + next * 8));
    next += 1;
    const bit = firstBit + i;
    const byte = present + (bit >> 3);
    store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>(bit & 7)));
  }
  return next;
}

/** `count` numbers of DELTA_BINARY_PACKED as i64 to `out`; 0, or BAD. */
export function undelta(from: u32, end: u32, count: u32, out: u32): u32 {
  const blockValues = varint(from, end);
  if (at == 0) return BAD;
  const miniblocks = varint(at, end);
  if (at == 0) return BAD;
  const total = varint(at, end);
  if (at == 0 || total < <u64>count) return BAD;
  if (miniblocks == 0 || blockValues == 0 || blockValues > 65536) return BAD;
  if (blockValues % miniblocks) return BAD;
  const perMini = <u32>(blockValues / miniblocks);
  if (perMini & 7) return BAD;
  let value = zigzag(at, end);
  if (at == 0) return BAD;
  let p = at;
  if (count == 0) return 0;
  store<i64>(out, value);
  let done: u32 = 1;
  while (done < count) {
    const least = zigzag(p, end);
    if (at == 0) return BAD;
    const widths = at;
    p = widths + <u32>miniblocks;
    if (p > end) return BAD;
    for (let mini: u32 = 0; mini < <u32>miniblocks && done < count; mini++) {
      const width: u32 = load<u8>(widths + mini);
      if (width > 64) return BAD;
      const bytes = (width * perMini) >> 3;
      if (bytes > end - p) return BAD;
      const here = min<u32>(perMini, count - done);
      let bit: u32 = 0;
      for (let i: u32 = 0; i < here; i++) {
        value += least + <i64>packed(p, bit, width, end);
        store<i64>(out + (done + i) * 8, value);
        bit += width;
      }
      done += here;
      p += bytes;
    }
  }
  return 0;
}

/** A number of at most 64 bits that begins at a bit. */
// @ts-ignore: decorator
@inline
function packed(p: u32, bit: u32, width: u32, end: u32): u64 {
  if (width == 0) return 0;
  const byte = p + (bit >> 3);
  const shift = <u64>(bit & 7);
  let value = eight(byte, end) >> shift;
  if (width + <u32>shift > 64) value |= <u64>load<u8>(byte + 8) << (64 - shift);
  return width == 64 ? value : value & (((<u64>1) << width) - 1);
}

/** Bits of a PLAIN bool page as codes 0 and 1 (u32) to `out`. */
export function unpackBools(from: u32, end: u32, count: u32, out: u32): u32 {
  if (((count + 7) >> 3) > end - from) return BAD;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(out + i * 4, (load<u8>(from + (i >> 3)) >> (i & 7)) & 1);
  }
  return 0;
}

/** Numbers of 4 bytes, signed, to 8. */
export function widen(from: u32, count: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) store<i64>(out + i * 8, <i64>load<i32>(from + i * 4));
}

/**
 * From the repetition levels of `count` entries: where each row begins, as entry numbers plus
 * `base`, to `out`. Returns the rows, or BAD when there are more than `most` or the first entry
 * begins none.
 */
export function rowStarts(levels: u32, count: u32, base: u32, out: u32, most: u32): u32 {
  let rows: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u8>(levels + i)) {
      if (i == 0) return BAD;
      continue;
    }
    if (rows == most) return BAD;
    store<u32>(out + rows * 4, base + i);
    rows += 1;
  }
  return rows;
}
