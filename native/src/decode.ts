/**
 * The second pass: a validated request into the columns of the half.
 *
 * Trusts its input, for validate() has seen every byte of it, and room() has made sure that
 * everything fits; so it cannot fail, and a request is either wholly in the head or not at all.
 * Rejected spans are skipped by the bitmap that validate() left.
 *
 * Repeated singular fields follow protobuf: the last scalar wins, messages are merged.
 */
import { decodeSpan, setResource, setScope, setTenant } from "./decode-span";
import { half } from "./half";
import { intern } from "./intern";
import { HALF_REQUESTS } from "./layout";
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
      decodeResourceSpans(next, p);
    } else p = readSkip(p, tag & 7);
  }
  store<u32>(half, load<u32>(half, HALF_REQUESTS) + 1, HALF_REQUESTS);
}

/**
 * The entry of the pair (message in field 1, schema URL in field 3) of a ResourceSpans or
 * ScopeSpans. Both may stand behind the spans. Pieces of a message are concatenated, which is
 * what merging them means.
 */
function pairEntry(start: u32, end: u32): u32 {
  let message: u32 = 0;
  let messageBytes: u32 = 0;
  let url: u32 = 0;
  let urlBytes: u32 = 0;
  let p = start;
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
    if (tag == 0x1a) {
      url = at;
      urlBytes = length;
    } else if (tag == 0x0a) {
      if (messageBytes == 0) message = at;
      else {
        const whole = scratchPair;
        if (message != whole) memory.copy(whole, message, messageBytes);
        memory.copy(whole + messageBytes, at, length);
        message = whole;
      }
      messageBytes += length;
    }
  }
  const messageEntry = intern(message, messageBytes);
  const urlEntry = intern(url, urlBytes);
  const pair = scratchPair;
  store<u32>(pair, messageEntry);
  store<u32>(pair, urlEntry, 4);
  return intern(pair, 8);
}

function decodeResourceSpans(start: u32, end: u32): void {
  let known = false;
  let p = start;
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag == 0x12) {
      const length = <u32>readVarint(p);
      const at = next;
      p = at + length;
      if (length && !known) {
        setResource(pairEntry(start, end));
        known = true;
      }
      decodeScopeSpans(at, p);
    } else p = readSkip(p, tag & 7);
  }
}

function decodeScopeSpans(start: u32, end: u32): void {
  let known = false;
  let p = start;
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag == 0x12) {
      const length = <u32>readVarint(p);
      const at = next;
      p = at + length;
      if (!isRejected(ordinal)) {
        if (!known) {
          setScope(pairEntry(start, end));
          known = true;
        }
        decodeSpan(at, p);
      }
      ordinal += 1;
    } else p = readSkip(p, tag & 7);
  }
}
