/** Whether the half has room for a request: asked before anything of it is stored. */
import {
  arenaPos,
  chunkBytes,
  chunkPos,
  events,
  half,
  links,
  rows,
  strings,
} from "./half";
import {
  CHUNK_VALUES,
  COLUMNS_MAX,
  HALF_ARENA,
  HALF_ARENA_END,
  HALF_CHUNK_END,
  HALF_CHUNKS,
  HALF_EVENT_CAP,
  HALF_LINK_CAP,
  HALF_ROW_CAP,
  HALF_STRING_CAP,
  RESULT_ATTRIBUTES,
  RESULT_EVENTS,
  RESULT_LINKS,
  RESULT_SPANS,
  RESULT_STRINGS,
} from "./layout";

/**
 * Whether a validated request of `length` bytes fits into the half as it is (1), into an empty
 * one (0), or into none (2). Bounds, not exact: every byte is stored at most twice (as a string
 * and, in odd spans, in the raw message), orders take a third more at most. Columns that came
 * from the half before take no chunk until they have a value, and names lie apart from the arena:
 * an empty half has the same room whatever it begins with.
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
