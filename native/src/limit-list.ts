/**
 * The spans of a request as the limits of its tenant look at them, one behind the other, and the
 * limit that needs no more than the request: how many attributes something may have.
 *
 * For requests that validate() has just found well-formed; they are not changed.
 */
import { scratchResidual } from "./scratch";
import { isRejected, rejectSpan } from "./validate";
import { next, readSkip, readVarint } from "./wire";

let attributesMax: u32 = 0;
let ordinal: u32 = 0;
let refused: u32 = 0;
/** Where the next entry goes. An entry is shorter than the shortest span, so they fit. */
let entry: u32 = 0;

/** Where listSpans() leaves its entries: they lie there until the next request is decoded. */
export function spanListAt(): u32 {
  return scratchResidual;
}

/**
 * Lists the spans that are not rejected: trace id (16 bytes), ordinal u32, bytes u32. Before that
 * it rejects those with more than `max` attributes (0: any number) of their own, of an event, a
 * link, their resource or scope. Returns how many are listed.
 */
export function listSpans(p: u32, length: u32, max: u32): u32 {
  attributesMax = max ? max : 0xffffffff;
  ordinal = 0;
  refused = 0;
  entry = scratchResidual;
  const end = p + length;
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag == 0x0a) {
      const size = <u32>readVarint(p);
      p = next + size;
      listParts(next, p, false, false);
    } else p = readSkip(p, tag & 7);
  }
  return (entry - scratchResidual) / 24;
}

/** How many listSpans() rejected. */
export function overAttributes(): u32 {
  return refused;
}

/** The spans of a ResourceSpans or (with `scope`) a ScopeSpans. */
function listParts(start: u32, end: u32, inherited: bool, scope: bool): void {
  const refuse = inherited || hasMoreBeside(start, end, scope ? 0x1a : 0x0a);
  let p = start;
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag != 0x12) {
      p = readSkip(p, tag & 7);
      continue;
    }
    const length = <u32>readVarint(p);
    const at = next;
    p = at + length;
    if (scope) listSpan(at, p, refuse);
    else listParts(at, p, refuse, true);
  }
}

function listSpan(at: u32, end: u32, refuse: bool): void {
  const number = ordinal;
  ordinal += 1;
  if (isRejected(number)) return;
  if (refuse || hasMore(at, end)) {
    rejectSpan(number);
    refused += 1;
    return;
  }
  store<u64>(entry, traceLow);
  store<u64>(entry, traceHigh, 8);
  store<u32>(entry, number, 16);
  store<u32>(entry, end - at, 20);
  entry += 24;
}

/** Whether the resource or scope in field 1, whose attributes are field `tag`, has too many. */
function hasMoreBeside(p: u32, end: u32, tag: u32): bool {
  let count: u32 = 0;
  while (p < end) {
    const field = <u32>readVarint(p);
    p = next;
    if (field == 0x0a) {
      const length = <u32>readVarint(p);
      p = next + length;
      count += countOf(next, p, tag);
    } else p = readSkip(p, field & 7);
  }
  return count > attributesMax;
}

let traceLow: u64 = 0;
let traceHigh: u64 = 0;

/** Whether a span, an event or a link of it has too many; notes its trace id as well. */
function hasMore(p: u32, end: u32): bool {
  let count: u32 = 0;
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if ((tag & 7) != 2) {
      p = readSkip(p, tag & 7);
      continue;
    }
    const length = <u32>readVarint(p);
    const at = next;
    p = at + length;
    if (tag == 0x0a) {
      traceLow = load<u64>(at);
      traceHigh = load<u64>(at, 8);
    } else if (tag == 0x4a) count += 1;
    else if (tag == 0x5a && countOf(at, p, 0x1a) > attributesMax) return true;
    else if (tag == 0x6a && countOf(at, p, 0x22) > attributesMax) return true;
  }
  return count > attributesMax;
}

function countOf(p: u32, end: u32, tag: u32): u32 {
  let count: u32 = 0;
  while (p < end) {
    const field = <u32>readVarint(p);
    p = readSkip(next, field & 7);
    count += u32(field == tag);
  }
  return count;
}
