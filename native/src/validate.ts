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
import {
  addFault,
  BAD_SPAN_ID,
  BAD_TRACE_ID,
  BAD_UTF8,
  checkKeyValue,
  checkString,
  fault,
  GOOD,
  OVER_LIMIT,
  setFault,
} from "./validate-attribute";
import { attributes, checkSpan, events, links, resetCounts } from "./validate-span";
import { checkLength, checkSkip, checkTag, next } from "./wire";

let spans: u32 = 0;
let rejected: u32 = 0;
let scopes: u32 = 0;
let badTraceId: u32 = 0;
let badSpanId: u32 = 0;
let badUtf8: u32 = 0;
let overLimit: u32 = 0;
let requestEnd: u32 = 0;
let requestStart: u32 = 0;
/** A resource, scope or schema URL behind spans turned out to be bad: these must be judged anew. */
let lateFault: bool = false;
/** What stands beside the spans is looked at before them. */
let tailFirst: bool = false;

/** Looks at [p, p + length); fills the result at `result` and returns its code. */
export function validate(p: u32, length: u32, result: u32): u32 {
  requestStart = p;
  requestEnd = p + length;
  tailFirst = false;
  reset();
  let good = checkRequest(p, p + length);
  if (lateFault) {
    tailFirst = true;
    reset();
    good = checkRequest(p, p + length);
  }
  const code = good ? OK : MALFORMED;
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

function reset(): void {
  lateFault = false;
  spans = 0;
  rejected = 0;
  resetCounts();
  scopes = 0;
  badTraceId = 0;
  badSpanId = 0;
  badUtf8 = 0;
  overLimit = 0;
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

/** Rejects one more span of the last validated request. */
export function rejectSpan(ordinal: u32): void {
  if (!rejected) memory.fill(scratchRejected, 0, ((requestEnd - requestStart) >> 4) + 8);
  rejected += 1;
  const byte = scratchRejected + (ordinal >> 3);
  store<u8>(byte, <u32>load<u8>(byte) | (1 << (ordinal & 7)));
}

function reject(): void {
  rejectSpan(spans);
  if (fault == BAD_TRACE_ID) badTraceId += 1;
  else if (fault == BAD_SPAN_ID) badSpanId += 1;
  else if (fault == BAD_UTF8) badUtf8 += 1;
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
      if (!checkGroup(next, p, GOOD, false)) return false;
    } else {
      if (tag >> 3 == 1) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  return true;
}

/**
 * A ResourceSpans or (with `scope`) a ScopeSpans: what it says of itself, and its parts. Encoders
 * write the schema URL behind the parts; only if it is bad do the parts have to know it first.
 */
function checkGroup(start: u32, end: u32, inherited: u32, scope: bool): bool {
  let own = inherited;
  if (tailFirst) {
    setFault(own);
    if (!checkBeside(start, end, scope)) return false;
    own = fault;
  }
  let parts = false;
  let p = start;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    const field = p;
    p = next;
    if (tag == 0x12) {
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      parts = true;
      setFault(own);
      if (!scope) {
        scopes += 1;
        if (!checkGroup(next, p, own, true)) return false;
        continue;
      }
      if (!checkSpan(next, p)) return false;
      if (fault) reject();
      spans += 1;
    } else {
      setFault(own);
      p = checkBesideField(field, end, scope);
      if (!p) return false;
      if (fault == own) continue;
      lateFault = lateFault || parts;
      own = fault;
    }
  }
  return true;
}

/** All fields but the parts. */
function checkBeside(start: u32, end: u32, scope: bool): bool {
  let p = start;
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = tag == 0x12 ? checkSkip(next, end, tag, 0) : checkBesideField(p, end, scope);
    if (!p) return false;
  }
  return true;
}

/** The field at p, which is a message, a schema URL or unknown; returns its end, 0 if malformed. */
function checkBesideField(p: u32, end: u32, scope: bool): u32 {
  const tag = checkTag(p, end);
  p = next;
  if (tag == 0x0a || tag == 0x1a) {
    const length = checkLength(p, end);
    if (!next) return 0;
    p = next + length;
    if (tag == 0x1a) checkString(next, length);
    else if (!checkAttributed(next, p, scope ? 3 : 1, scope)) return 0;
    return p;
  }
  return tag >> 3 <= 3 ? 0 : checkSkip(p, end, tag, 0);
}

/**
 * A Resource (attributes are field 1) or an InstrumentationScope (field 3, after two strings).
 * Both end in a dropped count, one field behind the attributes. A Resource has entity refs (3).
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
    } else if (number == 3) {
      if (tag != 0x1a) return false;
      const length = checkLength(p, end);
      if (!next) return false;
      p = next + length;
      if (!checkEntityRef(next, p)) return false;
    } else {
      if (number == field + 1 && (tag & 7) != 0) return false;
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
    }
  }
  if (count > <u32>ATTRIBUTES_MAX) addFault(OVER_LIMIT);
  return true;
}

/** Four fields, all of them strings. Kept as it is, so what is bad here would be answered. */
function checkEntityRef(p: u32, end: u32): bool {
  while (p < end) {
    const tag = checkTag(p, end);
    if (!next) return false;
    p = next;
    if (tag >> 3 > 4) {
      p = checkSkip(p, end, tag, 0);
      if (!p) return false;
      continue;
    }
    if ((tag & 7) != 2) return false;
    const length = checkLength(p, end);
    if (!next) return false;
    p = next + length;
    checkString(next, length);
  }
  return true;
}
