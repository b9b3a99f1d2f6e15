/** Spans, events and links as validate() looks at them, and how many of each there were. */
import { ATTRIBUTES_MAX } from "./layout";
import {
  addFault,
  BAD_SPAN_ID,
  BAD_TRACE_ID,
  checkKeyValue,
  checkString,
  isPlainKeyValue,
  OVER_LIMIT,
} from "./validate-attribute";
import { checkLength, checkSkip, checkTag, checkVarint, isKindAndTimes, next } from "./wire";

export let attributes: u32 = 0;
export let events: u32 = 0;
export let links: u32 = 0;

export function resetCounts(): void {
  attributes = 0;
  events = 0;
  links = 0;
}

export function checkSpan(p: u32, end: u32): bool {
  let traceIdGood = false;
  let spanIdGood = false;
  let parentGood = true;
  let count: u32 = 0;
  // The two ids as every encoder begins with them; any other beginning goes the long way.
  if (end - p >= 28 && load<u16>(p) == 0x100a && load<u16>(p, 18) == 0x0812) {
    traceIdGood = (load<u64>(p, 2) | load<u64>(p, 10)) != 0;
    spanIdGood = load<u64>(p, 20) != 0;
    p += 28;
    if (end - p >= 10 && load<u16>(p) == 0x0822) p += 10;
    if (end - p >= 2 && load<u8>(p) == 0x2a) {
      const length: u32 = load<u8>(p, 1);
      if (length < 128 && length <= end - p - 2) {
        checkString(p + 2, length);
        p += 2 + length;
      }
    }
    if (end - p >= 20 && isKindAndTimes(p)) p += 20;
  }
  while (p < end) {
    if (load<u8>(p) == 0x4a && end - p >= 2) {
      const bytes: u32 = load<u8>(p, 1);
      const after = p + 2 + bytes;
      if (bytes < 128 && after <= end && isPlainKeyValue(p + 2, after)) {
        count += 1;
        p = after;
        continue;
      }
    }
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    switch (tag) {
      case 0x4a: {
        const length = checkLength(p, end);
        if (!next) return false;
        p = next + length;
        count += 1;
        if (!checkKeyValue(next, p, 0)) return false;
        break;
      }
      case 0x0a: {
        const length = checkLength(p, end);
        if (!next) return false;
        traceIdGood = length == 16 && (load<u64>(next) | load<u64>(next, 8)) != 0;
        p = next + length;
        break;
      }
      case 0x12: {
        const length = checkLength(p, end);
        if (!next) return false;
        spanIdGood = length == 8 && load<u64>(next) != 0;
        p = next + length;
        break;
      }
      case 0x22: {
        const length = checkLength(p, end);
        if (!next) return false;
        parentGood = length == 8 || length == 0;
        p = next + length;
        break;
      }
      case 0x1a:
      case 0x2a: {
        const length = checkLength(p, end);
        if (!next) return false;
        checkString(next, length);
        p = next + length;
        break;
      }
      case 0x30:
      case 0x50:
      case 0x60:
      case 0x70: {
        checkVarint(p, end);
        if (!next) return false;
        p = next;
        break;
      }
      case 0x39:
      case 0x41: {
        if (p > end || end - p < 8) return false;
        p += 8;
        break;
      }
      case 0x85: {
        if (p > end || end - p < 4) return false;
        p += 4;
        break;
      }
      case 0x5a: {
        const length = checkLength(p, end);
        if (!next) return false;
        p = next + length;
        events += 1;
        if (!checkEvent(next, p)) return false;
        break;
      }
      case 0x6a: {
        const length = checkLength(p, end);
        if (!next) return false;
        p = next + length;
        links += 1;
        if (!checkLink(next, p)) return false;
        break;
      }
      case 0x7a: {
        const length = checkLength(p, end);
        if (!next) return false;
        p = next + length;
        if (!checkStatus(next, p)) return false;
        break;
      }
      default: {
        if (tag >> 3 <= 16) return false;
        p = checkSkip(p, end, tag, 0);
        if (!p) return false;
      }
    }
  }
  attributes += count;
  if (count > <u32>ATTRIBUTES_MAX) addFault(OVER_LIMIT);
  if (!traceIdGood) addFault(BAD_TRACE_ID);
  else if (!spanIdGood || !parentGood) addFault(BAD_SPAN_ID);
  return true;
}

function checkEvent(p: u32, end: u32): bool {
  let count: u32 = 0;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x09) {
      if (p > end || end - p < 8) return false;
      p += 8;
    } else if (tag == 0x12 || tag == 0x1a) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (tag == 0x12) checkString(next, length);
      else {
        count += 1;
        if (!checkKeyValue(next, p, 0)) return false;
      }
    } else {
      if (tag >> 3 <= 4 && tag != 0x20) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  attributes += count;
  if (count > <u32>ATTRIBUTES_MAX) addFault(OVER_LIMIT);
  return true;
}

function checkLink(p: u32, end: u32): bool {
  let count: u32 = 0;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x0a || tag == 0x12 || tag == 0x1a || tag == 0x22) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (tag == 0x0a && length != 16 && length != 0) addFault(BAD_SPAN_ID);
      if (tag == 0x12 && length != 8 && length != 0) addFault(BAD_SPAN_ID);
      if (tag == 0x1a) checkString(next, length);
      if (tag == 0x22) {
        count += 1;
        if (!checkKeyValue(next, p, 0)) return false;
      }
    } else {
      if (tag >> 3 <= 6 && tag != 0x28 && tag != 0x35) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  attributes += count;
  if (count > <u32>ATTRIBUTES_MAX) addFault(OVER_LIMIT);
  return true;
}

function checkStatus(p: u32, end: u32): bool {
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x12) {
      const length = checkLength(p, end);
      if (!next) return false;
      checkString(next, length);
      p = next + length;
    } else {
      if (tag >> 3 <= 3 && tag >> 3 >= 2 && tag != 0x18) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  return true;
}
