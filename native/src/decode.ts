/**
 * The second pass: a validated request into the columns of the half.
 *
 * Trusts its input, for validate() has seen every byte of it, and room() has made sure that
 * everything fits; so it cannot fail, and a request is either wholly in the head or not at all.
 * Rejected spans are skipped by the bitmap that validate() left.
 *
 * Repeated singular fields follow protobuf: the last scalar wins, messages are merged.
 */
import { decodeSpan, setTenant } from "./decode-span";
import { half, rows } from "./half";
import { intern } from "./intern";
import { HALF_REQUESTS, HALF_RESOURCE, HALF_SCOPE } from "./layout";
import { scratchPair } from "./scratch";
import { isRejected, rejectNone } from "./validate";
import { next, readSkip, readVarint } from "./wire";

let ordinal: u32 = 0;

/**
 * Appends a validated request. Nothing is visible before commit(). With `rejects` the request was
 * the last one that validate() saw, and its rejected spans are left out.
 */
export function decode(p: u32, length: u32, tenantName: u32, tenantBytes: u32, rejects: u32): void {
  const end = p + length;
  if (!rejects) rejectNone();
  setTenant(intern(tenantName, tenantBytes));
  ordinal = 0;
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag == 0x0a) {
      const size = <u32>readVarint(p);
      p = next + size;
      decodeGroup(next, p, false);
    } else p = readSkip(p, tag & 7);
  }
  store<u32>(half, load<u32>(half, HALF_REQUESTS) + 1, HALF_REQUESTS);
}

/**
 * A ResourceSpans or (with `scope`) a ScopeSpans. Its rows learn what they belong to when all of
 * it was seen, for encoders write the schema URL behind the spans.
 */
function decodeGroup(start: u32, end: u32, scope: bool): void {
  const firstRow = rows;
  let message: u32 = 0;
  let messageBytes: u32 = 0;
  let url: u32 = 0;
  let urlBytes: u32 = 0;
  let pieces = false;
  let p = start;
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag != 0x12 && tag != 0x0a && tag != 0x1a) {
      p = readSkip(p, tag & 7);
      continue;
    }
    const length = <u32>readVarint(p);
    const at = next;
    p = at + length;
    if (tag == 0x12) {
      if (!scope) decodeGroup(at, p, true);
      else {
        if (!isRejected(ordinal)) decodeSpan(at, p);
        ordinal += 1;
      }
    } else if (tag == 0x1a) {
      url = at;
      urlBytes = length;
    } else {
      if (messageBytes) pieces = true;
      message = at;
      messageBytes = length;
    }
  }
  if (rows == firstRow) return;
  if (pieces) messageBytes = mergePieces(start, end);
  const entry = pairEntry(pieces ? scratchPair : message, messageBytes, url, urlBytes);
  const column = load<u32>(half + (scope ? HALF_SCOPE : HALF_RESOURCE));
  for (let row = firstRow; row < rows; row++) store<u32>(column + row * 4, entry);
}

/** Pieces of a message (field 1) are concatenated, which is what merging them means. */
function mergePieces(start: u32, end: u32): u32 {
  let bytes: u32 = 0;
  let p = start;
  while (p < end) {
    const tag = <u32>readVarint(p);
    if (tag == 0x0a) {
      const length = <u32>readVarint(next);
      memory.copy(scratchPair + bytes, next, length);
      bytes += length;
      p = next + length;
    } else p = readSkip(next, tag & 7);
  }
  return bytes;
}

/** The entry of the pair of a message and a schema URL. */
function pairEntry(message: u32, messageBytes: u32, url: u32, urlBytes: u32): u32 {
  const messageEntry = intern(message, messageBytes);
  const urlEntry = intern(url, urlBytes);
  const pair = scratchPair;
  store<u32>(pair, messageEntry);
  store<u32>(pair, urlEntry, 4);
  return intern(pair, 8);
}
