/**
 * The second pass: a validated request into the columns of the half.
 *
 * Trusts its input, for validate() has seen every byte of it, and room() has made sure that
 * everything fits; so it cannot fail, and a request is either wholly in the head or not at all.
 * Rejected spans are skipped by the bitmap that validate() left.
 *
 * Repeated singular fields follow protobuf: the last scalar wins, messages are merged.
 */
import {
  appendFixedString,
  attribute,
  beginChild,
  beginSpan,
  endChild,
  flushResidual,
  orderEntry,
  predictFrom,
} from "./attribute";
import {
  append32,
  chunkBytes,
  chunkPos,
  columns,
  arenaPos,
  events,
  fixedColumn,
  half,
  links,
  rows,
  setEvents,
  setLinks,
  setRows,
  strings,
  SUCCESSOR_EVENT,
  SUCCESSOR_LINK,
  SUCCESSOR_NAME,
} from "./half";
import { addString, intern, traceFor } from "./intern";
import {
  CHUNK_VALUES,
  COL_DROPPED_ATTRIBUTES,
  COL_DROPPED_EVENTS,
  COL_DROPPED_LINKS,
  COL_EVENT_DROPPED,
  COL_EVENT_RESIDUAL,
  COL_LINK_DROPPED,
  COL_LINK_FLAGS,
  COL_LINK_RESIDUAL,
  COL_LINK_TRACE_STATE,
  COL_RAW,
  COL_RESIDUAL,
  COL_STATUS_MESSAGE,
  COL_TRACE_STATE,
  COLUMNS_MAX,
  HALF_ARENA,
  HALF_ARENA_END,
  HALF_CHUNK_END,
  HALF_CHUNKS,
  HALF_DURATION,
  HALF_EVENT_CAP,
  HALF_EVENT_NAME,
  HALF_EVENT_ORDER,
  HALF_EVENT_ROW,
  HALF_EVENT_TIME,
  HALF_FLAGS,
  HALF_KIND,
  HALF_LINK_CAP,
  HALF_LINK_ORDER,
  HALF_LINK_ROW,
  HALF_LINK_SPAN_ID,
  HALF_LINK_TRACE_ID,
  HALF_NAME,
  HALF_ORDER,
  HALF_PARENT_ID,
  HALF_REQUESTS,
  HALF_RESOURCE,
  HALF_ROW_CAP,
  HALF_SCOPE,
  HALF_SPAN_ID,
  HALF_START,
  HALF_STATUS,
  HALF_STRING_CAP,
  HALF_TRACE,
  RESULT_ATTRIBUTES,
  RESULT_EVENTS,
  RESULT_LINKS,
  RESULT_SPANS,
  RESULT_STRINGS,
  SCOPE_EVENT,
  SCOPE_LINK,
} from "./layout";
import { scratchPair } from "./scratch";
import { isRejected, rejectNone } from "./validate";
import { next, readSkip, readVarint } from "./wire";

let tenant: u32 = 0;
let resource: u32 = 0;
let scope: u32 = 0;
let ordinal: u32 = 0;

/**
 * Whether a validated request of `length` bytes fits into the half as it is (1), into an empty
 * one (0), or into none (2). Bounds, not exact: every byte is stored at most twice (as a string
 * and, in odd spans, in the raw message), orders take a third more at most.
 */
export function room(result: u32, length: u32): u32 {
  const values = <u64>load<u32>(result, RESULT_ATTRIBUTES) +
    8 * <u64>load<u32>(result, RESULT_SPANS) +
    2 * <u64>load<u32>(result, RESULT_EVENTS) +
    4 * <u64>load<u32>(result, RESULT_LINKS);
  const touched = values < <u64>COLUMNS_MAX ? values : <u64>COLUMNS_MAX;
  const chunkNeed = (touched + values / CHUNK_VALUES + 1) * <u64>chunkBytes(8);
  const arenaNeed = (<u64>length * 5) / 2 + 8192;
  const spans = load<u32>(result, RESULT_SPANS);
  const eventNeed = load<u32>(result, RESULT_EVENTS);
  const linkNeed = load<u32>(result, RESULT_LINKS);
  const stringNeed = load<u32>(result, RESULT_STRINGS) + 16;
  const base = half;
  if (
    <u64>rows + spans <= load<u32>(base, HALF_ROW_CAP) &&
    <u64>events + eventNeed <= load<u32>(base, HALF_EVENT_CAP) &&
    <u64>links + linkNeed <= load<u32>(base, HALF_LINK_CAP) &&
    <u64>strings + stringNeed <= load<u32>(base, HALF_STRING_CAP) &&
    <u64>arenaPos + arenaNeed <= load<u32>(base, HALF_ARENA_END) &&
    <u64>chunkPos + chunkNeed <= load<u32>(base, HALF_CHUNK_END)
  ) {
    return 1;
  }
  const fitsEmpty =
    spans <= load<u32>(base, HALF_ROW_CAP) &&
    eventNeed <= load<u32>(base, HALF_EVENT_CAP) &&
    linkNeed <= load<u32>(base, HALF_LINK_CAP) &&
    <u64>stringNeed + 64 <= load<u32>(base, HALF_STRING_CAP) &&
    <u64>load<u32>(base, HALF_ARENA) + arenaNeed <= load<u32>(base, HALF_ARENA_END) &&
    <u64>load<u32>(base, HALF_CHUNKS) + chunkNeed <= load<u32>(base, HALF_CHUNK_END);
  return fitsEmpty ? 0 : 2;
}

/**
 * Appends a validated request. Nothing is visible before commit(). With `rejects` the request was
 * the last one that validate() saw, and its rejected spans are left out.
 */
export function decode(p: u32, length: u32, tenantName: u32, tenantBytes: u32, rejects: u32): void {
  const end = p + length;
  if (!rejects) rejectNone();
  tenant = intern(tenantName, tenantBytes);
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
        resource = pairEntry(start, end);
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
          scope = pairEntry(start, end);
          known = true;
        }
        decodeSpan(at, p);
      }
      ordinal += 1;
    } else p = readSkip(p, tag & 7);
  }
}

/** True when columns cannot say the span exactly, and its message is kept as well. */
let odd: bool = false;

function decodeSpan(start: u32, end: u32): void {
  const base = half;
  const row = rows;
  let p = start;
  let length: u32 = 0;
  let traceLow: u64 = 0;
  let traceHigh: u64 = 0;
  let spanId: u64 = 0;
  let parentId: u64 = 0;
  let startNano: u64 = 0;
  let endNano: u64 = 0;
  let name: u32 = 0;
  let kind: u64 = 0;
  let status: u64 = 0;
  let flags: u32 = 0;
  let droppedAttributes: u32 = 0;
  let droppedEvents: u32 = 0;
  let droppedLinks: u32 = 0;
  let traceState: u32 = 0;
  let traceStateBytes: u32 = 0;
  let message: u32 = 0;
  let messageBytes: u32 = 0;
  odd = false;
  beginSpan(row);
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    switch (tag) {
      case 0x4a: {
        length = <u32>readVarint(p);
        p = next + length;
        attribute(next, p);
        break;
      }
      case 0x0a: {
        p += 1; // the length is 16: validated
        traceLow = load<u64>(p);
        traceHigh = load<u64>(p, 8);
        p += 16;
        break;
      }
      case 0x12: {
        p += 1;
        spanId = load<u64>(p);
        p += 8;
        break;
      }
      case 0x22: {
        length = <u32>readVarint(p);
        p = next;
        parentId = length ? load<u64>(p) : 0;
        if (length && parentId == 0) odd = true; // eight zeros is not the same as nothing
        p += length;
        break;
      }
      case 0x2a: {
        length = <u32>readVarint(p);
        p = next + length;
        name = intern(next, length);
        predictFrom(SUCCESSOR_NAME + (name & 2047));
        break;
      }
      case 0x30: {
        kind = readVarint(p);
        p = next;
        break;
      }
      case 0x39: {
        startNano = load<u64>(p);
        p += 8;
        break;
      }
      case 0x41: {
        endNano = load<u64>(p);
        p += 8;
        break;
      }
      case 0x85: {
        flags = load<u32>(p);
        p += 4;
        break;
      }
      case 0x7a: {
        length = <u32>readVarint(p);
        p = next;
        const statusEnd = p + length;
        while (p < statusEnd) {
          const field = <u32>readVarint(p);
          p = next;
          if (field == 0x18) {
            status = readVarint(p);
            p = next;
          } else if (field == 0x12) {
            messageBytes = <u32>readVarint(p);
            message = next;
            p = message + messageBytes;
          } else p = readSkip(p, field & 7);
        }
        break;
      }
      case 0x5a: {
        length = <u32>readVarint(p);
        p = next + length;
        decodeEvent(next, p, row);
        break;
      }
      case 0x6a: {
        length = <u32>readVarint(p);
        p = next + length;
        decodeLink(next, p, row);
        break;
      }
      case 0x1a: {
        traceStateBytes = <u32>readVarint(p);
        traceState = next;
        p = traceState + traceStateBytes;
        break;
      }
      case 0x50: {
        droppedAttributes = <u32>readVarint(p);
        p = next;
        break;
      }
      case 0x60: {
        droppedEvents = <u32>readVarint(p);
        p = next;
        break;
      }
      case 0x70: {
        droppedLinks = <u32>readVarint(p);
        p = next;
        break;
      }
      default:
        p = readSkip(p, tag & 7);
    }
  }
  // Enums are open: numbers that a byte cannot say are kept in the message only.
  if (kind > 127) {
    kind = 0;
    odd = true;
  }
  if (status > 127) {
    status = 0;
    odd = true;
  }
  if (traceStateBytes) appendFixedString(fixedColumn(COL_TRACE_STATE), traceState, traceStateBytes);
  if (messageBytes) appendFixedString(fixedColumn(COL_STATUS_MESSAGE), message, messageBytes);
  if (droppedAttributes) append32(fixedColumn(COL_DROPPED_ATTRIBUTES), row, droppedAttributes);
  if (droppedEvents) append32(fixedColumn(COL_DROPPED_EVENTS), row, droppedEvents);
  if (droppedLinks) append32(fixedColumn(COL_DROPPED_LINKS), row, droppedLinks);
  flushResidual(fixedColumn(COL_RESIDUAL));
  if (odd) append32(fixedColumn(COL_RAW), row, addString(start, end - start));

  store<u32>(load<u32>(base, HALF_TRACE) + row * 4, traceFor(tenant, traceLow, traceHigh));
  store<u64>(load<u32>(base, HALF_SPAN_ID) + row * 8, spanId);
  store<u64>(load<u32>(base, HALF_PARENT_ID) + row * 8, parentId);
  store<u64>(load<u32>(base, HALF_START) + row * 8, startNano);
  store<u64>(load<u32>(base, HALF_DURATION) + row * 8, endNano - startNano);
  store<u32>(load<u32>(base, HALF_NAME) + row * 4, name);
  store<u32>(load<u32>(base, HALF_RESOURCE) + row * 4, resource);
  store<u32>(load<u32>(base, HALF_SCOPE) + row * 4, scope);
  store<u8>(load<u32>(base, HALF_KIND) + row, <u32>kind);
  store<u8>(load<u32>(base, HALF_STATUS) + row, <u32>status);
  store<u32>(load<u32>(base, HALF_FLAGS) + row * 4, flags);
  store<u32>(load<u32>(base, HALF_ORDER) + row * 4, orderEntry());
  setRows(row + 1);
}

function decodeEvent(p: u32, end: u32, row: u32): void {
  const base = half;
  const event = events;
  let time: u64 = 0;
  let name: u32 = 0;
  let dropped: u32 = 0;
  beginChild(event, SCOPE_EVENT, SUCCESSOR_EVENT);
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag == 0x1a) {
      const length = <u32>readVarint(p);
      p = next + length;
      attribute(next, p);
    } else if (tag == 0x09) {
      time = load<u64>(p);
      p += 8;
    } else if (tag == 0x12) {
      const length = <u32>readVarint(p);
      p = next + length;
      name = intern(next, length);
      predictFrom(SUCCESSOR_EVENT + (name & 255));
    } else if (tag == 0x20) {
      dropped = <u32>readVarint(p);
      p = next;
    } else p = readSkip(p, tag & 7);
  }
  if (dropped) append32(fixedColumn(COL_EVENT_DROPPED), event, dropped);
  flushResidual(fixedColumn(COL_EVENT_RESIDUAL));
  store<u32>(load<u32>(base, HALF_EVENT_ROW) + event * 4, row);
  store<u64>(load<u32>(base, HALF_EVENT_TIME) + event * 8, time);
  store<u32>(load<u32>(base, HALF_EVENT_NAME) + event * 4, name);
  store<u32>(load<u32>(base, HALF_EVENT_ORDER) + event * 4, orderEntry());
  setEvents(event + 1);
  endChild();
}

function decodeLink(p: u32, end: u32, row: u32): void {
  const base = half;
  const link = links;
  let traceLow: u64 = 0;
  let traceHigh: u64 = 0;
  let spanId: u64 = 0;
  let traceIdBytes: u32 = 0;
  let spanIdBytes: u32 = 0;
  let dropped: u32 = 0;
  let flags: u32 = 0;
  let traceState: u32 = 0;
  let traceStateBytes: u32 = 0;
  beginChild(link, SCOPE_LINK, SUCCESSOR_LINK);
  while (p < end) {
    const tag = <u32>readVarint(p);
    p = next;
    if (tag == 0x22) {
      const length = <u32>readVarint(p);
      p = next + length;
      attribute(next, p);
    } else if (tag == 0x0a) {
      traceIdBytes = <u32>readVarint(p);
      p = next;
      traceLow = traceIdBytes ? load<u64>(p) : 0;
      traceHigh = traceIdBytes ? load<u64>(p, 8) : 0;
      p += traceIdBytes;
    } else if (tag == 0x12) {
      spanIdBytes = <u32>readVarint(p);
      p = next;
      spanId = spanIdBytes ? load<u64>(p) : 0;
      p += spanIdBytes;
    } else if (tag == 0x1a) {
      traceStateBytes = <u32>readVarint(p);
      traceState = next;
      p = traceState + traceStateBytes;
    } else if (tag == 0x28) {
      dropped = <u32>readVarint(p);
      p = next;
    } else if (tag == 0x35) {
      flags = load<u32>(p);
      p += 4;
    } else p = readSkip(p, tag & 7);
  }
  if (traceIdBytes == 0 || spanIdBytes == 0) odd = true; // absent is not the same as zeros
  if (traceStateBytes) {
    appendFixedString(fixedColumn(COL_LINK_TRACE_STATE), traceState, traceStateBytes);
  }
  if (dropped) append32(fixedColumn(COL_LINK_DROPPED), link, dropped);
  if (flags) append32(fixedColumn(COL_LINK_FLAGS), link, flags);
  flushResidual(fixedColumn(COL_LINK_RESIDUAL));
  store<u32>(load<u32>(base, HALF_LINK_ROW) + link * 4, row);
  store<u64>(load<u32>(base, HALF_LINK_TRACE_ID) + link * 16, traceLow);
  store<u64>(load<u32>(base, HALF_LINK_TRACE_ID) + link * 16, traceHigh, 8);
  store<u64>(load<u32>(base, HALF_LINK_SPAN_ID) + link * 8, spanId);
  store<u32>(load<u32>(base, HALF_LINK_ORDER) + link * 4, orderEntry());
  setLinks(link + 1);
  endChild();
}
