/** A span's message into a row of the half. */
import {
  appendFixedString,
  attribute,
  beginSpan,
  flushResidual,
  orderEntry,
  predictFrom,
} from "./attribute";
import { decodeEvent, decodeLink } from "./decode-child";
import { append32, fixedColumn, half, rows, setRows, SUCCESSOR_NAME } from "./half";
import { addString, intern, traceFor } from "./intern";
import {
  COL_DROPPED_ATTRIBUTES,
  COL_DROPPED_EVENTS,
  COL_DROPPED_LINKS,
  COL_RAW,
  COL_RESIDUAL,
  COL_STATUS_MESSAGE,
  COL_TRACE_STATE,
  HALF_DURATION,
  HALF_FLAGS,
  HALF_KIND,
  HALF_NAME,
  HALF_ORDER,
  HALF_PARENT_ID,
  HALF_SPAN_ID,
  HALF_START,
  HALF_STATUS,
  HALF_TRACE,
} from "./layout";
import { isKindAndTimes, next, readSkip, readVarint } from "./wire";

let tenant: u32 = 0;

/** The tenant of the spans that follow. */
export function setTenant(entry: u32): void {
  tenant = entry;
}

/** Resource and scope of the row are left to the caller. */
export function decodeSpan(start: u32, end: u32): void {
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
  // Columns cannot say the span exactly: its message is kept as well.
  let odd = false;
  beginSpan(row);
  // The fields that every span has, as encoders begin with them; what is there is read in one go.
  if (load<u16>(p) == 0x100a && load<u16>(p, 18) == 0x0812) {
    traceLow = load<u64>(p, 2);
    traceHigh = load<u64>(p, 10);
    spanId = load<u64>(p, 20);
    p += 28;
    if (end - p >= 10 && load<u16>(p) == 0x0822) {
      parentId = load<u64>(p, 2);
      if (parentId == 0) odd = true;
      p += 10;
    }
    if (end - p >= 2 && load<u8>(p) == 0x2a && <i8>load<u8>(p, 1) >= 0) {
      length = load<u8>(p, 1);
      name = intern(p + 2, length);
      predictFrom(SUCCESSOR_NAME + (name & 2047));
      p += 2 + length;
    }
    if (end - p >= 20 && isKindAndTimes(p)) {
      kind = load<u8>(p, 1);
      startNano = load<u64>(p, 3);
      endNano = load<u64>(p, 12);
      p += 20;
    }
  }
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
        // Validated is the last one's length alone: those before it may have any.
        length = <u32>readVarint(p);
        traceLow = load<u64>(next);
        traceHigh = load<u64>(next, 8);
        p = next + length;
        break;
      }
      case 0x12: {
        length = <u32>readVarint(p);
        spanId = load<u64>(next);
        p = next + length;
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
        kind = <u32>readVarint(p); // enums have 32 bits
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
            status = <u32>readVarint(p);
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
        if (decodeLink(next, p, row)) odd = true;
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
  store<u8>(load<u32>(base, HALF_KIND) + row, <u32>kind);
  store<u8>(load<u32>(base, HALF_STATUS) + row, <u32>status);
  store<u32>(load<u32>(base, HALF_FLAGS) + row * 4, flags);
  store<u32>(load<u32>(base, HALF_ORDER) + row * 4, orderEntry());
  setRows(row + 1);
}
