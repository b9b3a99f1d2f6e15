/**
 * Nested-set numbers of every trace, as Tempo counts them: a walk from the roots in the order of
 * rows, counter from 1, `left` on the way in and `right` on the way out, `parent` the parent's
 * left, -1 for roots. These are 0 in a trace without a root or with a span id that occurs more than
 * twice, and for spans that no root reaches. `children` are counted everywhere, and a span that
 * names itself and no other is its own child. Spans of one id are told apart by kind: a server span
 * hangs below the client one, others below the server one.
 *
 * Scratch, in areas of the column at hand, which is written afterwards: span ids and parents' ids
 * of all rows in their order (u64 each) and the parents found (u32 each), and of one trace (u32
 * each) hash slots by span id, first child, next sibling. Cost is linear in spans.
 */
import {
  codesAt,
  cutHalf,
  cutRows,
  cutTraces,
  dictionaryEntryAt,
  isMerge,
  nestedAt,
  recordAt,
  recordSpareAt,
  rowOrderAt,
  traceRowAt,
  valuesAt,
} from "./cut";
import { HALF_KIND, HALF_PARENT_ID, HALF_ROW_CAP, HALF_SPAN_ID } from "./layout";

const NONE: u32 = 0xffffffff;
export const NO_PARENT: u32 = NONE;
const KIND_SERVER: u32 = 2;
const KIND_CLIENT: u32 = 3;

// Four columns of u32 (i32), one after the other, each with room for all rows.
export const NESTED_LEFT: u32 = 0;
export const NESTED_RIGHT: u32 = 1;
export const NESTED_PARENT: u32 = 2;
export const NESTED_CHILDREN: u32 = 3;

let parentAt: u32 = 0; // node → parent node
let childAt: u32 = 0; // node → first child
let siblingAt: u32 = 0; // node → next sibling
let slotsAt: u32 = 0; // node + 1
let slotsMask: u32 = 0;
let allSpanIds: u32 = 0; // of all rows in their order, 8 bytes each
let allParentIds: u32 = 0; // the same
let spanIds: u32 = 0; // of the trace's nodes, 8 bytes each
let parentIds: u32 = 0; // the same
let rows: u32 = 0; // the trace's part of rowOrder
let leftAt: u32 = 0;
let rightAt: u32 = 0;
let parentLeftAt: u32 = 0;
let childrenAt: u32 = 0;
let doubles: u32 = 0;
/** Whether two spans of the trace have the same id. */
let isShared: bool = false;

/** Spans of the cut that are another one of their trace over again, after numberTraces(). */
export function doublesInCut(): u32 {
  return doubles;
}

export function nestedColumn(which: u32): u32 {
  return nestedAt + which * load<u32>(cutHalf, HALF_ROW_CAP) * 4;
}

/**
 * After numberTraces(), until another column is encoded: u32 a row, which row of its trace is the
 * parent; NO_PARENT: none of them.
 */
export function parentRows(): u32 {
  return recordSpareAt;
}

/** Numbers all traces of the cut. */
export function numberTraces(): void {
  beginNumbers();
  numberSome(0, cutTraces);
}

/** Before the traces are numbered some at a time. */
export function beginNumbers(): void {
  childAt = codesAt;
  doubles = 0;
  gatherIds();
  // 16 bytes a row in each of these two.
  slotsAt = recordAt;
  siblingAt = recordSpareAt + load<u32>(cutHalf, HALF_ROW_CAP) * 4;
  for (let which: u32 = 0; which < 4; which++) memory.fill(nestedColumn(which), 0, cutRows * 4);
}

export function numberSome(placeFirst: u32, placeEnd: u32): void {
  for (let place = placeFirst; place < placeEnd; place++) {
    const first = load<u32>(traceRowAt + place * 4);
    const count = load<u32>(traceRowAt + place * 4, 4) - first;
    rows = rowOrderAt + first * 4;
    spanIds = allSpanIds + first * 8;
    parentIds = allParentIds + first * 8;
    parentAt = recordSpareAt + first * 4;
    leftAt = nestedColumn(NESTED_LEFT) + first * 4;
    rightAt = nestedColumn(NESTED_RIGHT) + first * 4;
    parentLeftAt = nestedColumn(NESTED_PARENT) + first * 4;
    childrenAt = nestedColumn(NESTED_CHILDREN) + first * 4;
    const isUnique = indexSpans(count);
    if (findParents(count) && isUnique) walk(count);
  }
}

/** One loop for all rows waits for many cache misses at a time, a loop by trace for few. */
function gatherIds(): void {
  const ids = load<u32>(cutHalf, HALF_SPAN_ID);
  const parents = load<u32>(cutHalf, HALF_PARENT_ID);
  // Those of a merge are in order.
  allSpanIds = isMerge ? ids : dictionaryEntryAt;
  allParentIds = isMerge ? parents : valuesAt;
  if (isMerge) return;
  for (let row: u32 = 0; row < cutRows; row++) {
    const from = load<u32>(rowOrderAt + row * 4) * 8;
    store<u64>(dictionaryEntryAt + row * 8, load<u64>(ids + from));
    store<u64>(valuesAt + row * 8, load<u64>(parents + from));
  }
}

/** Fills `bytes`, rounded up to 16: a trace has too few for memory.fill to be worth its call. */
// @ts-ignore: decorator
@inline
function fill(at: u32, value: v128, bytes: u32): void {
  for (let p = at; p < at + bytes; p += 16) v128.store(p, value);
}

/** Puts the span ids into the hash table; false when one occurs more than twice. Equal ones are met
 * in the order of rows. */
function indexSpans(count: u32): bool {
  let size: u32 = 4;
  while (size < count * 2) size <<= 1;
  slotsMask = size - 1;
  fill(slotsAt, i32x4.splat(0), size * 4);
  let isUnique = true;
  isShared = false;
  for (let node: u32 = 0; node < count; node++) {
    const id = load<u64>(spanIds + node * 8);
    let seen: u32 = 0;
    let isDouble = false;
    let slot = hash(id);
    while (load<u32>(slotsAt + slot * 4)) {
      const other = load<u32>(slotsAt + slot * 4) - 1;
      slot = (slot + 1) & slotsMask;
      if (load<u64>(spanIds + other * 8) != id) continue;
      isShared = true;
      if (++seen == 2) isUnique = false;
      if (kindOf(other) == kindOf(node)) isDouble = true;
    }
    doubles += u32(isDouble);
    store<u32>(slotsAt + slot * 4, node + 1);
  }
  return isUnique;
}

// @ts-ignore: decorator
@inline
function hash(id: u64): u32 {
  return <u32>((id * 0x9e3779b97f4a7c15) >> 32) & slotsMask;
}

// @ts-ignore: decorator
@inline
function kindOf(node: u32): u32 {
  return load<u8>(load<u32>(cutHalf, HALF_KIND) + load<u32>(rows + node * 4));
}

/** Links children to parents, in the order of rows; false when there is no root. */
function findParents(count: u32): bool {
  fill(childAt, i32x4.splat(-1), count * 4);
  let roots: u32 = 0;
  // Backwards, so that each child goes in front of its later siblings.
  for (let node = count; node-- > 0; ) {
    const id = load<u64>(parentIds + node * 8);
    let parent = NONE;
    if (id == 0) roots += 1;
    else parent = parentOf(id, node);
    store<u32>(parentAt + node * 4, parent);
    // Without a parent span: a root when it names none, else out of reach.
    if (parent == NONE) {
      store<u32>(siblingAt + node * 4, u32(id == 0));
      continue;
    }
    store<u32>(siblingAt + node * 4, load<u32>(childAt + parent * 4));
    store<u32>(childAt + parent * 4, node);
    store<u32>(childrenAt + parent * 4, load<u32>(childrenAt + parent * 4) + 1);
  }
  return roots > 0;
}

/** The node with this span id, or NONE; of several the first that fits the child's kind, else the
 * first. Itself only when there is no other. */
function parentOf(id: u64, child: u32): u32 {
  let found = NONE;
  let slot = hash(id);
  while (load<u32>(slotsAt + slot * 4)) {
    const node = load<u32>(slotsAt + slot * 4) - 1;
    slot = (slot + 1) & slotsMask;
    if (node == child || load<u64>(spanIds + node * 8) != id) continue;
    if (!isShared || kindOf(node) == wantedKind(child)) return node;
    if (found == NONE) found = node;
  }
  if (found == NONE && load<u64>(spanIds + child * 8) == id) return child;
  return found;
}

function wantedKind(child: u32): u32 {
  return kindOf(child) == KIND_SERVER ? KIND_CLIENT : KIND_SERVER;
}

/** From each root down and up again, without recursion: a trace may be as deep as it is long. */
function walk(count: u32): void {
  let counter: u32 = 1;
  for (let root: u32 = 0; root < count; root++) {
    if (load<u32>(parentAt + root * 4) != NONE || !load<u32>(siblingAt + root * 4)) continue;
    let node = root;
    enter(node, counter++, NONE);
    while (true) {
      const child = load<u32>(childAt + node * 4);
      if (child != NONE) {
        // The list of children is used up on the way.
        store<u32>(childAt + node * 4, load<u32>(siblingAt + child * 4));
        enter(child, counter++, load<u32>(leftAt + node * 4));
        node = child;
        continue;
      }
      store<u32>(rightAt + node * 4, counter++);
      if (node == root) break;
      node = load<u32>(parentAt + node * 4);
    }
  }
}

// @ts-ignore: decorator
@inline
function enter(node: u32, left: u32, parentLeft: u32): void {
  store<u32>(leftAt + node * 4, left);
  store<u32>(parentLeftAt + node * 4, parentLeft);
}
