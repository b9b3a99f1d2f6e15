/**
 * The kernel: everything that TypeScript calls. One module; each thread has its own instance on
 * the one shared memory, and its own globals. See README.md for what is here and why.
 *
 * From a sealed half to Parquet pages, src/block calls in this order:
 *
 *   openCut · listTenants · sortCut
 *   per column: open… ; per file: beginChunk · dictionaryPage… · beginPages · nextPage*
 *   per file: beginSidecar · addTraces · finishSidecar
 *
 * From blocks to a larger one, src/compact calls:
 *
 *   openMerge · the order (merge-order.ts) · per column: pages of the inputs (merge-page.ts), then
 *   the same as above from beginChunk on
 */
export { carryColumns, rankColumns } from "./column-carry";
export { decode } from "./decode";
export { distinctLongs, hasCommon, markCodes } from "./distinct";
export {
  firstRoots,
  groupOfRows,
  linkBytes,
  linkSpans,
  runStarts,
  runStarts16,
  traceRoots,
  traceTimes,
} from "./family";
export { findRows, findTrace } from "./find";
export {
  addOne,
  addOneByte,
  bitsOfWords,
  boundRows,
  chooseTraces,
  columnBegins,
  columnHas,
  elementsBelow,
  expand4,
  expand8,
  gather1,
  gather16,
  gather4,
  gather8,
  gatherCodes,
  gatherLongs,
  groupHead,
  indexIds,
  listWords,
  narrow,
  orderElements,
  placeLongs,
  placesOf,
  probeIds,
  renumber,
  tracesSince,
} from "./gather";
export { listSpans, overAttributes, spanListAt } from "./limit-list";
export { rewrite } from "./limit-rewrite";
export { commit, initHalf, openHalf, resetHalf } from "./half";
export { setSeed } from "./intern";
export {
  mergeBits,
  newestTraces,
  orderNewest,
  rowsOfTraces,
  startedSince,
  timeBounds,
  tracesInTime,
} from "./pick";
export { doublesInCut } from "./nested-set";
export { room } from "./room";
export { initScratch, scratchBytes } from "./scratch";
export { isRejected, rejectSpan, validate } from "./validate";
export {
  beginChunk,
  setPlainTexts,
  chunkEncoding,
  chunkValues,
  dictionaryPageAt,
  dictionaryPageBytes,
  dictionaryPageValues,
} from "./chunk-begin";
export {
  findChunkBounds,
  hasBounds,
  maximumAt,
  maximumBytes,
  minimumAt,
  minimumBytes,
} from "./chunk-stats";
export {
  groupRows,
  openChildCount,
  openColumn,
  openDerived,
  openDuration,
  openEventName,
  openEventOrder,
  openEventTime,
  openFlags,
  openKind,
  openLinkOrder,
  openLinkSpanId,
  openLinkTraceId,
  openName,
  openNestedLeft,
  openNestedParent,
  openNestedRight,
  openNumberedLeft,
  openOrder,
  openParentSpanId,
  openSpanId,
  openStart,
  openStatus,
  openTenant,
  openTraceId,
} from "./column-open";
export { openCut, openMerge, soilScratch } from "./cut";
export {
  columnOrdinals,
  derivedEntries,
  fileEnds,
  fileFlags,
  groupTable,
  groupValues,
  tenantTable,
  textRoom,
  textRoomEnd,
  times,
  traceRowTable,
} from "./cut-addresses";
export { findTimes, markFiles, setFiles } from "./cut-files";
export { listTenants, sortCut } from "./cut-sort";
export {
  beginChildren,
  childOfRow,
  countChildren,
  fillEntry,
  hasValue,
  keepStarts,
  mergedTimes,
  noChildren,
  placeMerged,
  sumChildren,
} from "./merge-children";
export {
  addIdPage,
  addIdRows,
  addSpanIds,
  beginOrder,
  droppedDoubles,
  firstRows,
  inputTraces,
  joinedOf,
  joinedRows,
  joinedStarts,
  joinMerged,
  keepParents,
  keptTraces,
  mappedTable,
  mergedRows,
  mergedTraces,
  mergeParts,
  mergeTenant,
  placeAsIs,
  placeSpans,
  rowsInside,
} from "./merge-order";
export {
  beginInput,
  beginMergeColumn,
  inPage,
  mergeDictionary,
  mergePage,
  readKinds,
  setPiece,
  skipChildren,
  skipRows,
  unsplit,
} from "./merge-page";
export { codeParents, mergedSpanIds, numberMerged, otherParents } from "./merge-parents";
export { entryOf, setOrderNumbers } from "./merge-text";
export {
  beginPages,
  hasOther,
  nextPage,
  pageBytesAt,
  pageEncoding,
  pageEntries,
  pageFirstRow,
  pageLevelBytes,
  pageNulls,
  pageRows,
  setOther,
} from "./page-write";
export { openStored, putStored, storedFields, storedHeader, storedPages } from "./stored-page";
export { addTraces, beginSidecar, bloomAt, finishSidecar, traceIndexAt } from "./sidecar";
export { classesOfLongs, rangeClasses, rangeFew } from "./classes";
export {
  countBits,
  equalCodes,
  groupsWith,
  listBits,
  rangeDoubles,
  rangeLongs,
  rowsOfGroups,
  testCodes,
  testFew,
} from "./scan";
export { findText, internTexts, matchTexts } from "./texts";
export {
  codeLongs,
  codesOfRoots,
  combineCodes,
  fillCodes,
  firstCodes,
  mapCodes,
  pairGroups,
  renumberRows,
} from "./group";
export { slotRange } from "./slot-range";
export {
  clearValues,
  doublesOfCodes,
  doublesOfDoubles,
  doublesOfLongs,
  filledGroups,
  exemplarRows,
  powersOfDoubles,
  powersOfLongs,
  packSlots,
  setSlots,
  shiftSlots,
  sidesOfSlots,
  slotTraces,
  startsOfTraces,
  sumTables,
  tallyCodes,
  tallyPairs,
  tallyPresent,
  tallyRows,
  tallyValues,
} from "./tally";
export { exemplarsFew, slotFew, tallyFew } from "./tally-few";
export {
  beginTable,
  findTraces,
  growTable,
  hashTraces,
  joinTraces,
  rankTraces,
  tableGroups,
} from "./trace-table";
export {
  countLevels,
  levelBits,
  rowStarts,
  spreadCodes,
  spreadLongs,
  undelta,
  unpack,
  unpackBools,
  unpackLevels,
  widen,
} from "./vector-decode";
