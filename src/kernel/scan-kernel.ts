/**
 * What query threads call of the kernel: vector-decode.ts, gather.ts, trace-table.ts, family.ts,
 * scan.ts, pick.ts, distinct.ts, group.ts, tally.ts of native/src. Addresses and counts are
 * unsigned; results must pass through `>>> 0`. BAD (0xffffffff) is returned for damaged bytes.
 */
export const BAD = 0xffffffff;
/** Returned by internTexts when the next text has no room. */
export const FULL = 0xfffffffe;

type Word = (...args: number[]) => number;
type Nothing = (...args: number[]) => void;

export interface DecodeExports {
  /** from, end, width, count, out */
  unpack: Word;
  /** from, end, width, count, out */
  unpackLevels: Word;
  /** levels, count, level */
  countLevels: Word;
  /** levels, max, count, bits, first */
  levelBits: Nothing;
  /** levels, max, count, codes, size, out, width */
  spreadCodes: Word;
  /** levels, max, count, values, out, present, firstBit */
  spreadLongs: Word;
  /** from, end, count, out */
  undelta: Word;
  unsplit: Word;
  /** from, end, count, out */
  unpackBools: Word;
  /** from, count, out */
  widen: Nothing;
  /** levels, count, base, out, most */
  rowStarts: Word;
  /** from, end, skip, count, state, table, mask, offsets, texts, room, out; also FULL */
  internTexts: Word;
  /** offsets, texts, count, text, length */
  findText: Word;
  /** offsets, texts, count, pieces, most, table */
  matchTexts: Nothing;
}

export interface GatherExports {
  /** half, rows, name, nameBytes, counts, starts, traceOf, order */
  groupHead: Word;
  /** from, order, count, out */
  gather1: Nothing;
  gather4: Nothing;
  gather8: Nothing;
  gather16: Nothing;
  /** at, count */
  addOne: Nothing;
  addOneByte: Nothing;
  /** words, count, out */
  listWords: Word;
  /** order, count, below, out */
  placesOf: Nothing;
  /** rowOf, elements, below, rowOrder, rows, firsts, starts, order */
  orderElements: Word;
  /** rowOf, count, below */
  elementsBelow: Word;
  /** starts, traces, order, since, out */
  tracesSince: Word;
  /** starts, traceOf, order, chosen, count, outStarts, outTraceOf, outOrder */
  chooseTraces: Word;
  /** start, duration, from, to, out */
  boundRows: Nothing;
  /** column, rows; 0 or 1 */
  columnBegins: Word;
  /** column, rows, out */
  expand4: Nothing;
  /** column, rows, out, present */
  expand8: Nothing;
  /** column, rows, places, bits; 0 or 1 */
  columnHas: Word;
  /** codes, count, most, table, list */
  renumber: Word;
  /** from, count, width, out */
  narrow: Nothing;
  /** words, count, out */
  bitsOfWords: Nothing;
  /** codes, width, rows, places, count, offset, out */
  gatherCodes: Nothing;
  /** values, present, rows, places, count, out, bits */
  gatherLongs: Nothing;
  /** values, places, count, out */
  placeLongs: Nothing;
  /** ids, count, table, slots */
  indexIds: Nothing;
  /** ids, table, slots, others, count, outA, outB */
  probeIds: Word;
}

export interface TraceTableExports {
  /** table, bits, mix */
  beginTable: Nothing;
  /** from, to */
  growTable: Nothing;
  /** entries, count, first, rows, bits, ranks; also BAD */
  rankTraces: Word;
  /** entries, count, first, rows, bits, ranks, base, table, out */
  joinTraces: Word;
  /** table */
  tableGroups: Word;
  /** ids, starts, count, seed, out */
  hashTraces: Nothing;
  /** ids, count, seed, table, out */
  findTraces: Word;
}

export interface FamilyExports {
  /** rows */
  linkBytes: Word;
  /** ids, parents, kinds, kindWidth, starts, traces, slots, doubles, out */
  linkSpans: Word;
  /** start, duration, doubles, starts, traces, outStart, outEnd */
  traceTimes: Nothing;
  /** orphans, starts, traces, out */
  firstRoots: Word;
  /** start, ids, kinds, kindWidth, orphans, starts, traces, out */
  traceRoots: Nothing;
  /** codes, rows, out */
  runStarts: Word;
  /** values, rows, out */
  runStarts16: Word;
  /** starts, groups, out */
  groupOfRows: Nothing;
}

export interface ScanExports {
  /** codes, width, rows, table, out */
  testCodes: Nothing;
  /** codes, width, rows, within, table, out */
  testFew: Nothing;
  /** codes, width, rows, code, out */
  equalCodes: Nothing;
  rangeLongs(values: number, rows: number, low: bigint, high: bigint, out: number): void;
  rangeDoubles(values: number, rows: number, low: number, high: number, out: number): void;
  /** values, rows, out */
  classesOfLongs: Nothing;
  rangeClasses(
    ...args: [
      ...[classes: number, values: number, rows: number],
      ...[low: bigint, high: bigint, out: number],
    ]
  ): void;
  rangeFew(
    ...args: [
      ...[values: number, rows: number, within: number],
      ...[low: bigint, high: bigint, out: number],
    ]
  ): void;
  /** bits, starts, groups, out */
  groupsWith: Word;
  /** groupBits, starts, groups, out */
  rowsOfGroups: Nothing;
  /** bits, bytes */
  countBits: Word;
  /** bits, bytes, out, most */
  listBits: Word;
  /** a, b, bytes, op, out */
  mergeBits: Nothing;
}

export interface PickExports {
  /** start, end, traces, out */
  timeBounds: Nothing;
  /** start, ids, traces, out, spare */
  orderNewest: Nothing;
  /** list, count, starts, out */
  rowsOfTraces: Nothing;
  /** How many traces, of orderNewest's `order`, start after `bound`; at it too if `inclusive`. */
  startedSince(
    ...args: [order: number, start: number, traces: number, bound: bigint, inclusive: number]
  ): number;
  tracesInTime(
    ...args: [
      ...[start: number, end: number, lastStart: number, traces: number],
      ...[from: bigint, to: bigint, least: bigint, most: bigint, out: number],
    ]
  ): void;
  newestTraces(
    ...args: [
      ...[bits: number, traces: number, start: number, ids: number, since: bigint],
      ...[most: number, out: number],
    ]
  ): number;
}

export interface DistinctExports {
  /** codes, width, rows, bits, most, out */
  markCodes: Nothing;
  /** a, b, bytes; 0 or 1 */
  hasCommon: Word;
  /** values, rows, bits, table, slots, out */
  distinctLongs: Word;
}

export interface GroupExports {
  /** codes, width, rows, table, out */
  mapCodes: Nothing;
  /** groups, codes, width, table, rows, size */
  combineCodes: Nothing;
  /** slotOf, codes, width, rows, table, size, list, out */
  renumberRows: Word;
  /** slotOf, groups, codes, width, table, rows, slots, mask, list */
  pairGroups: Word;
  /** slotOf, values, present, entries, slots, mask, list, out */
  codeLongs: Word;
  /** roots, starts, traces, codes, width, out */
  codesOfRoots: Nothing;
  /** codes, width, entries, table, offset, out */
  fillCodes: Nothing;
  /** starts, rows, elements, codes, empty, out */
  firstCodes: Nothing;
}

export interface TallyExports {
  /** times, starts, traces, first, last */
  startsOfTraces: Nothing;
  setSlots(first: bigint, step: bigint, slots: number): void;
  /** times, starts, traces, first, last, bits, out */
  slotTraces: Nothing;
  /** times, rows, bits, out, list */
  slotFew: Word;
  /** slotOf, rows */
  slotRange: Word;
  /** slotOf, rows, from, out */
  sidesOfSlots: Nothing;
  /** slotOf, bits, rows, by */
  shiftSlots: Nothing;
  /** slotOf, times, starts, traces, first, last, values, stretchOf, stretches, out */
  exemplarRows: Nothing;
  /** list, count, slotOf, times, starts, traces, values, stretchOf, stretches, out */
  exemplarsFew: Nothing;
  /** slotOf, bits, rows, out */
  packSlots: Word;
  /** slotOf, groups, rows, size, slots, out */
  tallyRows: Nothing;
  /** slotOf, codes, width, table, rows, cells, apart, out */
  tallyCodes: Nothing;
  tallyPresent: Nothing;
  /** list, count, slotOf, codes, width, table, cells, out */
  tallyFew: Nothing;
  /** slotOf, codes, width, table, next, nextWidth, nextTable, rows, cells, apart, out */
  tallyPairs: Nothing;
  /** at, groups, slots, out */
  filledGroups: Word;
  /** at, words, apart */
  sumTables: Nothing;
  /** codes, width, rows, table, out */
  doublesOfCodes: Nothing;
  /** values, present, rows, unit, out */
  doublesOfLongs: Nothing;
  /** values, present, rows, out */
  doublesOfDoubles: Nothing;
  /** slotOf, groups, values, rows, size, slots, out */
  tallyValues: Nothing;
  /** at, cells */
  clearValues: Nothing;
  /** values, present, rows, out */
  powersOfLongs: Nothing;
  powersOfDoubles: Nothing;
}

export type ReadExports = DecodeExports &
  GatherExports &
  TraceTableExports &
  FamilyExports &
  ScanExports &
  PickExports &
  DistinctExports &
  GroupExports &
  TallyExports;
