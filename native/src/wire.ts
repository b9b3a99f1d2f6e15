/**
 * Protobuf wire format: plain functions over addresses.
 *
 * Two families. `read*` trusts its input: it is for bytes that validate() has passed. `check*`
 * trusts nothing: it never reads past `end` for a decision, and says malformed by next = 0.
 * Loads may run up to 16 bytes past the end of a request; every region is padded for that.
 */

/** Where the last read or check stopped; 0 after a failed check. */
export let next: u32 = 0;

// @ts-ignore: decorator
@inline
export function readVarint(p: u32): u64 {
  const first: u32 = load<u8>(p);
  if (first < 128) {
    next = p + 1;
    return first;
  }
  const second: u32 = load<u8>(p, 1);
  if (second < 128) {
    next = p + 2;
    return (first & 127) | (second << 7);
  }
  return readLongVarint(p);
}

function readLongVarint(p: u32): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  let byte: u32 = 0;
  do {
    byte = load<u8>(p);
    p += 1;
    value |= <u64>(byte & 127) << shift;
    shift += 7;
  } while (byte & 128 && shift < 70);
  next = p;
  return value;
}

/** The address after a field of a type that the caller does not know; input is trusted. */
export function readSkip(p: u32, wireType: u32): u32 {
  if (wireType == 0) {
    readVarint(p);
    return next;
  }
  if (wireType == 1) return p + 8;
  if (wireType == 5) return p + 4;
  if (wireType == 2) {
    const length = <u32>readVarint(p);
    return next + length;
  }
  // A group: skip fields up to its end tag.
  while (true) {
    const tag = <u32>readVarint(p);
    p = next;
    if ((tag & 7) == 4) return p;
    p = readSkip(p, tag & 7);
  }
}

// @ts-ignore: decorator
@inline
export function checkVarint(p: u32, end: u32): u64 {
  if (p < end) {
    const first: u32 = load<u8>(p);
    if (first < 128) {
      next = p + 1;
      return first;
    }
  }
  return checkLongVarint(p, end);
}

function checkLongVarint(p: u32, end: u32): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  while (p < end) {
    const byte: u64 = load<u8>(p);
    p += 1;
    if (shift == 63 && byte > 1) break; // more than 64 bits
    value |= (byte & 127) << shift;
    if (byte < 128) {
      next = p;
      return value;
    }
    shift += 7;
    if (shift > 63) break;
  }
  next = 0;
  return 0;
}

/** A tag: field number and wire type. Field 0 and numbers over 29 bits are malformed. */
// @ts-ignore: decorator
@inline
export function checkTag(p: u32, end: u32): u32 {
  const tag = checkVarint(p, end);
  if (tag < 8 || tag > 0xffffffff) next = 0;
  return <u32>tag;
}

/** A length and room for it: returns the length, `next` is where the bytes begin. */
// @ts-ignore: decorator
@inline
export function checkLength(p: u32, end: u32): u32 {
  const length = checkVarint(p, end);
  // Both halves are needed: next > end would make end - next wrap.
  if (next > end || length > <u64>(end - next)) next = 0;
  return <u32>length;
}

/** Whether kind (of one byte), start and end stand at p, 20 bytes, as encoders write them. */
// @ts-ignore: decorator
@inline
export function isKindAndTimes(p: u32): bool {
  return (load<u32>(p) & 0x00ff80ff) == 0x00390030 && load<u8>(p, 11) == 0x41;
}

const GROUP_DEPTH_MAX: u32 = 64;

/** The address after an unknown field, or 0. */
export function checkSkip(p: u32, end: u32, tag: u32, depth: u32): u32 {
  const wireType = tag & 7;
  if (wireType == 0) {
    checkVarint(p, end);
    return next;
  }
  if (wireType == 1) return p <= end && end - p >= 8 ? p + 8 : 0;
  if (wireType == 5) return p <= end && end - p >= 4 ? p + 4 : 0;
  if (wireType == 2) {
    const length = checkLength(p, end);
    return next ? next + length : 0;
  }
  if (wireType != 3 || depth >= GROUP_DEPTH_MAX) return 0;
  while (true) {
    const inner = checkTag(p, end);
    if (!next) return 0;
    p = next;
    if ((inner & 7) == 4) return inner >> 3 == tag >> 3 ? p : 0;
    p = checkSkip(p, end, inner, depth + 1);
    if (!p) return 0;
  }
}

/** True when [p, p + length) is valid UTF-8. */
// @ts-ignore: decorator
@inline
export function isUtf8(p: u32, length: u32): bool {
  if (length <= 16) {
    const high = <u32>i8x16.bitmask(v128.load(p)) & ((1 << length) - 1);
    return high == 0 || isUtf8Slow(p, p + length);
  }
  return isUtf8Long(p, length);
}

function isUtf8Long(p: u32, length: u32): bool {
  let at = p;
  const end = p + length;
  while (at + 16 <= end && !i8x16.bitmask(v128.load(at))) at += 16;
  return isUtf8Slow(at, end);
}

function isContinuation(p: u32): bool {
  return (<u32>load<u8>(p) & 0xc0) == 0x80;
}

function isUtf8Slow(p: u32, end: u32): bool {
  while (p < end) {
    const lead: u32 = load<u8>(p);
    if (lead < 0x80) {
      p += 1;
      continue;
    }
    const left = end - p;
    const second: u32 = left > 1 ? load<u8>(p, 1) : 0;
    if (lead >= 0xc2 && lead <= 0xdf) {
      if (left < 2 || !isContinuation(p + 1)) return false;
      p += 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      if (left < 3 || !isContinuation(p + 1) || !isContinuation(p + 2)) return false;
      if (lead == 0xe0 && second < 0xa0) return false; // overlong
      if (lead == 0xed && second > 0x9f) return false; // surrogate
      p += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      if (left < 4 || !isContinuation(p + 1)) return false;
      if (!isContinuation(p + 2) || !isContinuation(p + 3)) return false;
      if (lead == 0xf0 && second < 0x90) return false;
      if (lead == 0xf4 && second > 0x8f) return false; // past U+10FFFF
      p += 4;
    } else return false;
  }
  return true;
}
