/**
 * The kernel: everything that TypeScript calls. One module; each thread has its own instance on
 * the one shared memory, and its own globals. See README.md for what is here and why.
 *
 * From a sealed half to Parquet pages, src/block calls in this order:
 *
 *   openCut · listTenants · sortCut
 *   per column: open… ; per file: beginChunk · dictionaryPage… · beginPages · nextPage*
 *   per file: beginSidecar · addTraces · finishSidecar
 */
export { carryColumns, rankColumns } from "./column-carry";
export { decode } from "./decode";
export { findRows, findTrace } from "./find";
export { commit, initHalf, openHalf, resetHalf } from "./half";
export { setSeed } from "./intern";
export { room } from "./room";
export { initScratch, scratchBytes } from "./scratch";
export { validate } from "./validate";
export {
  beginChunk,
  chunkEncoding,
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
  openOrder,
  openParentSpanId,
  openSpanId,
  openStart,
  openStatus,
  openTenant,
  openTraceId,
} from "./column-open";
export { openCut } from "./cut";
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
  beginPages,
  nextPage,
  pageBytesAt,
  pageEntries,
  pageFirstRow,
  pageNulls,
  pageRows,
} from "./page-write";
export { addTraces, beginSidecar, bloomAt, finishSidecar, traceIndexAt } from "./sidecar";
