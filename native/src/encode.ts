/**
 * From a sealed half of the head to Parquet pages: everything that src/block calls, in the order
 * of the calls.
 *
 *   openCut · listTenants · sortCut
 *   per column: open… ; per file: beginChunk · dictionaryPage… · beginPages · nextPage*
 *   per file: beginSidecar · addTraces · finishSidecar
 */
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
