/**
 * The first pass over a request: is it well-formed, which of its spans are bad, and how much room
 * does it need. It writes nothing but its result and the bitmap of rejected spans, so a request
 * that is refused leaves no trace anywhere.
 *
 * Malformed bytes, also a known field with a wrong wire type, refuse the whole request: there is
 * no telling what follows them. A span with bad ids, bad UTF-8 or attributes over the limits is
 * rejected alone; a bad resource or scope rejects the spans under it.
 */
import {
  ATTRIBUTES_MAX,
  DEPTH_MAX,
  MALFORMED,
  OK,
  RESULT_ATTRIBUTES,
  RESULT_BAD_SPAN_ID,
  RESULT_BAD_TRACE_ID,
  RESULT_BAD_UTF8,
  RESULT_CODE,
  RESULT_EVENTS,
  RESULT_LINKS,
  RESULT_OVER_LIMIT,
  RESULT_SPANS,
  RESULT_STRINGS,
} from "./layout";
import { scratchRejected } from "./scratch";
import { checkLength, checkSkip, checkTag, checkVarint, isUtf8, next } from "./wire";

/** Why a span is rejected; the first reason found counts. */
const GOOD: u32 = 0;
const BAD_TRACE_ID: u32 = 1;
const BAD_SPAN_ID: u32 = 2;
const BAD_UTF8: u32 = 3;
const OVER_LIMIT: u32 = 4;

let bad: u32 = 0; // of the span, resource or scope being looked at
let spans: u32 = 0;
let rejected: u32 = 0;
let attributes: u32 = 0;
let events: u32 = 0;
let links: u32 = 0;
let scopes: u32 = 0;
let badTraceId: u32 = 0;
let badSpanId: u32 = 0;
let badUtf8: u32 = 0;
let overLimit: u32 = 0;
let requestEnd: u32 = 0;
let requestStart: u32 = 0;

/** Looks at [p, p + length); fills the result at `result` and returns its code. */
export function validate(p: u32, length: u32, result: u32): u32 {
  spans = 0;
  rejected = 0;
  attributes = 0;
  events = 0;
  links = 0;
  scopes = 0;
  badTraceId = 0;
  badSpanId = 0;
  badUtf8 = 0;
  overLimit = 0;
  requestStart = p;
  requestEnd = p + length;
  const code = checkRequest(p, p + length) ? OK : MALFORMED;
  store<u32>(result, code, RESULT_CODE);
  store<u32>(result, spans, RESULT_SPANS);
  store<u32>(result, badTraceId, RESULT_BAD_TRACE_ID);
  store<u32>(result, badSpanId, RESULT_BAD_SPAN_ID);
  store<u32>(result, badUtf8, RESULT_BAD_UTF8);
  store<u32>(result, overLimit, RESULT_OVER_LIMIT);
  store<u32>(result, attributes, RESULT_ATTRIBUTES);
  store<u32>(result, events, RESULT_EVENTS);
  store<u32>(result, links, RESULT_LINKS);
  const strings = attributes + 6 * spans + 3 * events + 4 * links + 8 * scopes + 1;
  store<u32>(result, strings, RESULT_STRINGS);
  return code;
}

/** True when span number `ordinal` of the last validated request was rejected. */
// @ts-ignore: decorator
@inline
export function isRejected(ordinal: u32): bool {
  if (!rejected) return false;
  return ((<u32>load<u8>(scratchRejected + (ordinal >> 3)) >> (ordinal & 7)) & 1) != 0;
}

/** Forgets the bitmap: for a request that validate() found no fault in. */
export function rejectNone(): void {
  rejected = 0;
}

function reject(): void {
  if (!rejected) memory.fill(scratchRejected, 0, ((requestEnd - requestStart) >> 4) + 8);
  rejected += 1;
  const byte = scratchRejected + (spans >> 3);
  store<u8>(byte, <u32>load<u8>(byte) | (1 << (spans & 7)));
  if (bad == BAD_TRACE_ID) badTraceId += 1;
  else if (bad == BAD_SPAN_ID) badSpanId += 1;
  else if (bad == BAD_UTF8) badUtf8 += 1;
  else overLimit += 1;
}

function checkRequest(p: u32, end: u32): bool {
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x0a) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (!checkResourceSpans(next, p)) return false;
    } else {
      if (tag >> 3 == 1) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  return true;
}

/** Resource and schema URL may stand behind the spans, so they are looked for first. */
function checkResourceSpans(start: u32, end: u32): bool {
  bad = GOOD;
  let p = start;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x0a || tag == 0x12 || tag == 0x1a) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (tag == 0x0a) {
        if (!checkAttributed(next, p, 1, false)) return false;
      } else if (tag == 0x1a) checkString(next, length);
    } else {
      if (tag >> 3 <= 3) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  const inherited = bad;
  p = start;
  while (p < end) {
    const tag = checkTag(p, end);
    p = next;
    if (tag == 0x12) {
      const length = checkLength(p, end);
      p = next + length;
      if (!checkScopeSpans(next, p, inherited)) return false;
    } else p = checkSkip(p, end, tag, 0);
  }
  return true;
}

function checkScopeSpans(start: u32, end: u32, inherited: u32): bool {
  bad = inherited;
  scopes += 1;
  let p = start;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag == 0x12 || tag == 0x0a || tag == 0x1a) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (tag == 0x0a) {
        if (!checkAttributed(next, p, 3, true)) return false;
      } else if (tag == 0x1a) checkString(next, length);
    } else {
      if (tag >> 3 <= 3) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  inherited = bad;
  p = start;
  while (p < end) {
    const tag = checkTag(p, end);
    p = next;
    if (tag == 0x12) {
      const length = checkLength(p, end);
      p = next + length;
      bad = inherited;
      if (!checkSpan(next, p)) return false;
      if (bad) reject();
      spans += 1;
    } else p = checkSkip(p, end, tag, 0);
  }
  return true;
}

/**
 * A Resource (attributes are field 1) or an InstrumentationScope (field 3, after two strings).
 * Both end in a dropped count, one field behind the attributes. A Resource's entity refs (3) are
 * kept as they are and may hold anything well-formed.
 */
function checkAttributed(p: u32, end: u32, field: u32, named: bool): bool {
  let count: u32 = 0;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    const number = tag >> 3;
    if (number == field || (named && number < field)) {
      if ((tag & 7) != 2) return false;
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (number != field) checkString(next, length);
      else {
        count += 1;
        if (!checkKeyValue(next, p, 0)) return false;
      }
    } else {
      if (number == field + 1 && (tag & 7) != 0) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  if (count > <u32>ATTRIBUTES_MAX) flag(OVER_LIMIT);
  return true;
}

// @ts-ignore: decorator
@inline
function flag(reason: u32): void {
  if (!bad) bad = reason;
}

// @ts-ignore: decorator
@inline
function checkString(p: u32, length: u32): void {
  if (!isUtf8(p, length)) flag(BAD_UTF8);
}

/**
 * The form that encoders write, short: key, then a value of one scalar field, lengths of one
 * byte. Nearly every attribute is of this form; whatever is not goes the long way.
 */
// @ts-ignore: decorator
@inline
function isPlainKeyValue(p: u32, end: u32): bool {
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

function checkKeyValue(p: u32, end: u32, depth: u32): bool {
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
      if (tag >> 3 <= 2) return false;
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
        if (depth >= <u32>DEPTH_MAX) flag(OVER_LIMIT); // well-formed as far as anyone will look
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
        if (tag >> 3 <= 7) return false;
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

function checkSpan(p: u32, end: u32): bool {
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
  if (count > <u32>ATTRIBUTES_MAX) flag(OVER_LIMIT);
  if (!traceIdGood) flag(BAD_TRACE_ID);
  else if (!spanIdGood || !parentGood) flag(BAD_SPAN_ID);
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
  if (count > <u32>ATTRIBUTES_MAX) flag(OVER_LIMIT);
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
      if (tag == 0x0a && length != 16 && length != 0) flag(BAD_SPAN_ID);
      if (tag == 0x12 && length != 8 && length != 0) flag(BAD_SPAN_ID);
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
  if (count > <u32>ATTRIBUTES_MAX) flag(OVER_LIMIT);
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
