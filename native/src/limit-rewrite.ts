/**
 * A request without what the limits of its tenant do not let through: spans that are rejected are
 * left out, attributes with long keys or texts are cut. In place, for it only gets shorter.
 *
 * So the log holds what was kept and nothing else, and a replay needs to know no limits.
 *
 * For requests that validate() has just found well-formed. Nothing in a message that is not longer
 * than the limit can be longer, so of usual spans no more than their length is looked at.
 */
import { DEPTH_MAX } from "./layout";
import { isRejected } from "./validate";
import { next, readSkip, readVarint } from "./wire";

// What a message is; those with attributes of their own are in the order of their counters.
const REQUEST: u32 = 1;
const RESOURCE_SPANS: u32 = 2;
const SCOPE_SPANS: u32 = 3;
const RESOURCE: u32 = 4;
const SCOPE: u32 = 5;
const SPAN: u32 = 6;
const EVENT: u32 = 7;
const LINK: u32 = 8;
const KEY_VALUE: u32 = 9;
const VALUE: u32 = 10;
const ARRAY: u32 = 11;
const PAIRS: u32 = 12;
const TEXT: u32 = 13;
const BYTES: u32 = 14;

let textMax: u32 = 0;
let drops: bool = false;
let ordinal: u32 = 0;
/** Counters of what was cut, and the one of the attribute at hand. */
let counts: u32 = 0;
let counter: u32 = 0;

/**
 * Returns the new length; up to eight bytes behind it are zero, as behind every request. Texts of
 * more than `max` bytes are cut (0: none); with `dropRejected` rejected spans go, which leaves the
 * others with new ordinals. Adds to five words at `cut`: resource, scope, span, event, link.
 */
export function rewrite(p: u32, length: u32, max: u32, dropRejected: u32, cut: u32): u32 {
  textMax = max;
  drops = dropRejected != 0;
  ordinal = 0;
  counts = cut;
  const end = rewriteMessage(REQUEST, p, p + length, p, 0);
  const left = end - p;
  if (left != length) memory.fill(end, 0, ((left + 7) & ~7) - left);
  return left;
}

/** Writes what is kept of [p, end) at `to`, which is not behind it; returns the end of that. */
function rewriteMessage(kind: u32, p: u32, end: u32, to: u32, depth: u32): u32 {
  while (p < end) {
    const field = p;
    const tag = <u32>readVarint(p);
    const lengthAt = next;
    const child = childOf(kind, tag);
    if (!child) {
      p = readSkip(lengthAt, tag & 7);
      to = move(field, p, to);
      continue;
    }
    const length = <u32>readVarint(lengthAt);
    const at = next;
    p = at + length;
    if (child == SPAN) {
      ordinal += 1;
      if (drops && isRejected(ordinal - 1)) continue;
    }
    if (isKept(child, length, depth)) {
      to = move(field, p, to);
      continue;
    }
    if (child == KEY_VALUE && kind <= LINK) counter = counts + (kind - RESOURCE) * 4;
    const width = at - lengthAt;
    const lengthTo = move(field, lengthAt, to);
    const start = move(lengthAt, at, lengthTo);
    const inner = depth + u32(child == ARRAY || child == PAIRS);
    to = child >= TEXT ? cutText(at, child, start) : rewriteMessage(child, at, p, start, inner);
    if (to - start != length) to = setLength(lengthTo, width, to - start);
  }
  return to;
}

/** Whether nothing in a message of such a length can change. */
function isKept(kind: u32, length: u32, depth: u32): bool {
  if (drops && kind <= SCOPE_SPANS) return false;
  if (!textMax || length <= textMax) return true;
  // validate() looks no deeper; what is there belongs to a rejected span.
  return depth >= <u32>DEPTH_MAX && (kind == ARRAY || kind == PAIRS);
}

/** A text ends where a character does. */
function cutText(p: u32, kind: u32, to: u32): u32 {
  let length = textMax;
  if (kind == TEXT) while (length && (<u32>load<u8>(p + length) & 0xc0) == 0x80) length -= 1;
  store<u32>(counter, load<u32>(counter) + 1);
  return move(p, p + length, to);
}

/** A message at `at` has become shorter: its length, which took `width` bytes, may as well. */
function setLength(at: u32, width: u32, length: u32): u32 {
  let p = at;
  let rest = length;
  while (rest >= 128) {
    store<u8>(p, (rest & 127) | 128);
    p += 1;
    rest >>= 7;
  }
  store<u8>(p, rest);
  return move(at + width, at + width + length, p + 1);
}

// @ts-ignore: decorator
@inline
function move(p: u32, end: u32, to: u32): u32 {
  if (p != to) memory.copy(to, p, end - p);
  return to + (end - p);
}

/** What a field holds, if it is on the way to an attribute; else 0. */
function childOf(kind: u32, tag: u32): u32 {
  switch (kind) {
    case REQUEST:
      return tag == 0x0a ? RESOURCE_SPANS : 0;
    case RESOURCE_SPANS:
      if (tag == 0x0a) return RESOURCE;
      return tag == 0x12 ? SCOPE_SPANS : 0;
    case SCOPE_SPANS:
      if (tag == 0x0a) return SCOPE;
      return tag == 0x12 ? SPAN : 0;
    case SPAN:
      if (tag == 0x4a) return KEY_VALUE;
      if (tag == 0x5a) return EVENT;
      return tag == 0x6a ? LINK : 0;
    case SCOPE:
    case EVENT:
      return tag == 0x1a ? KEY_VALUE : 0;
    case LINK:
      return tag == 0x22 ? KEY_VALUE : 0;
    case KEY_VALUE:
      if (tag == 0x0a) return TEXT;
      return tag == 0x12 ? VALUE : 0;
    case VALUE:
      if (tag == 0x0a) return TEXT;
      if (tag == 0x2a) return ARRAY;
      if (tag == 0x32) return PAIRS;
      return tag == 0x3a ? BYTES : 0;
    case ARRAY:
      return tag == 0x0a ? VALUE : 0;
    default:
      return tag == 0x0a ? KEY_VALUE : 0; // a resource, or pairs
  }
}
