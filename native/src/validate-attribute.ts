/**
 * Attributes as validate() looks at them, and the fault that the span, resource or scope at hand
 * has so far. Functions return false for malformed bytes, which end the request; anything else
 * that is wrong is a fault, which ends the span.
 */
import { DEPTH_MAX } from "./layout";
import { checkLength, checkSkip, checkTag, checkVarint, isUtf8, next } from "./wire";

/** Why a span is rejected; the first reason found counts. */
export const GOOD: u32 = 0;
export const BAD_TRACE_ID: u32 = 1;
export const BAD_SPAN_ID: u32 = 2;
export const BAD_UTF8: u32 = 3;
export const OVER_LIMIT: u32 = 4;

export let fault: u32 = 0;

// @ts-ignore: decorator
@inline
export function setFault(value: u32): void {
  fault = value;
}

// @ts-ignore: decorator
@inline
export function addFault(reason: u32): void {
  if (!fault) fault = reason;
}

// @ts-ignore: decorator
@inline
export function checkString(p: u32, length: u32): void {
  if (!isUtf8(p, length)) addFault(BAD_UTF8);
}

/**
 * The form that encoders write, short: key, then a value of one scalar field, lengths of one
 * byte. Nearly every attribute is of this form; whatever is not goes the long way.
 */
// @ts-ignore: decorator
@inline
export function isPlainKeyValue(p: u32, end: u32): bool {
  if (end - p < 6 || load<u8>(p) != 0x0a) return false;
  const keyBytes: u32 = load<u8>(p, 1);
  const value = p + 2 + keyBytes;
  if (keyBytes > 127 || value + 4 > end || load<u8>(value) != 0x12) return false;
  const valueBytes: u32 = load<u8>(value, 1);
  if (value + 2 + valueBytes != end || valueBytes > 127) return false;
  const tag: u32 = load<u8>(value, 2);
  const first: u32 = load<u8>(value, 3);
  if (tag == 0x0a) {
    if (first + 2 != valueBytes) return false;
    checkString(value + 4, first);
  } else if (tag == 0x18 || tag == 0x10) {
    const short = valueBytes == 2 && first < 128;
    const long = valueBytes == 3 && first > 127 && load<u8>(value, 4) < 128;
    if (!short && !long) return false;
  } else if (tag != 0x21 || valueBytes != 9) return false;
  checkString(p + 2, keyBytes);
  return true;
}

export function checkKeyValue(p: u32, end: u32, depth: u32): bool {
  if (isPlainKeyValue(p, end)) return true;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x0a) {
      const length = checkLength(p, end);
      if (!next) return false;
      checkString(next, length);
      p = next + length;
    } else if (tag == 0x12) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (!checkAnyValue(next, p, depth)) return false;
    } else {
      if (tag >> 3 <= 3 && tag != 0x18) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  return true;
}

function checkAnyValue(p: u32, end: u32, depth: u32): bool {
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    switch (tag) {
      case 0x0a: {
        const length = checkLength(p, end);
        if (!next) return false;
        checkString(next, length);
        p = next + length;
        break;
      }
      case 0x10:
      case 0x18: {
        checkVarint(p, end);
        if (!next) return false;
        p = next;
        break;
      }
      case 0x21: {
        if (p > end || end - p < 8) return false;
        p += 8;
        break;
      }
      case 0x2a:
      case 0x32: {
        const length = checkLength(p, end);
        if (!next) return false;
        p = next + length;
        if (depth >= <u32>DEPTH_MAX) addFault(OVER_LIMIT); // well-formed as far as anyone will look
        else if (!checkList(next, p, depth + 1, tag == 0x32)) return false;
        break;
      }
      case 0x3a: {
        const length = checkLength(p, end);
        if (!next) return false;
        p = next + length;
        break;
      }
      default: {
        if (tag >> 3 <= 8 && tag != 0x40) return false;
        p = checkSkip(p, end, tag, 0);
        if (!p) return false;
      }
    }
  }
  return true;
}

/** An ArrayValue or a KeyValueList: field 1 repeated. */
function checkList(p: u32, end: u32, depth: u32, pairs: bool): bool {
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x0a) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (!(pairs ? checkKeyValue(next, p, depth) : checkAnyValue(next, p, depth))) return false;
    } else {
      if (tag >> 3 == 1) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  return true;
}
