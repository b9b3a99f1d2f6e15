/** Events and links of a span, into their tables. */
import {
  appendFixedString,
  attribute,
  beginChild,
  endChild,
  flushResidual,
  orderEntry,
  predictFrom,
} from "./attribute";
import {
  append32,
  events,
  fixedColumn,
  half,
  links,
  setEvents,
  setLinks,
  SUCCESSOR_EVENT,
  SUCCESSOR_LINK,
} from "./half";
import { intern } from "./intern";
import {
  COL_EVENT_DROPPED,
  COL_EVENT_RESIDUAL,
  COL_LINK_DROPPED,
  COL_LINK_FLAGS,
  COL_LINK_RESIDUAL,
  COL_LINK_TRACE_STATE,
  HALF_EVENT_NAME,
  HALF_EVENT_ORDER,
  HALF_EVENT_ROW,
  HALF_EVENT_TIME,
  HALF_LINK_ORDER,
  HALF_LINK_ROW,
  HALF_LINK_SPAN_ID,
  HALF_LINK_TRACE_ID,
  SCOPE_EVENT,
  SCOPE_LINK,
} from "./layout";
import { next, readSkip, readVarint } from "./wire";

export function decodeEvent(p: u32, end: u32, row: u32): void {
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

/** Returns true when the link has no ids, which is not the same as zeros: the span is odd. */
export function decodeLink(p: u32, end: u32, row: u32): bool {
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
  return traceIdBytes == 0 || spanIdBytes == 0;
}
