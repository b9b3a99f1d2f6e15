/** Addresses of the cut's tables that TypeScript reads or fills between calls. */
import {
  derivedAt,
  fileEndAt,
  fileFlagAt,
  groupTableAt,
  groupValueAt,
  ordinalAt,
  statAt,
  tenantTableAt,
  textAt,
  textEndAt,
  traceRowAt,
} from "./cut";

/** 16 bytes a tenant: name's entry · rows · traces · place in the order of files (written). */
export function tenantTable(): u32 {
  return tenantTableAt;
}

/** Sorted place of a trace → its first sorted row; one more at the end. */
export function traceRowTable(): u32 {
  return traceRowAt;
}

/** Group → the half's entry that it stands for. */
export function groupTable(): u32 {
  return groupTableAt;
}

/** Group → derived entry, or NO_ROW for null; written before openDerived(). */
export function groupValues(): u32 {
  return groupValueAt;
}

/** Derived entries: address and length each; written before openDerived(). */
export function derivedEntries(): u32 {
  return derivedAt;
}

/** u16 per column of the half: its number in attribute orders of the file at hand (written). */
export function columnOrdinals(): u32 {
  return ordinalAt;
}

/** Room for the texts of derived entries. */
export function textRoom(): u32 {
  return textAt;
}

export function textRoomEnd(): u32 {
  return textEndAt;
}

/** u32 per file: the sorted row after its last; written before setFiles(). */
export function fileEnds(): u32 {
  return fileEndAt;
}

/** u8 per file, what markFiles() found. */
export function fileFlags(): u32 {
  return fileFlagAt;
}

/** Two u64, what findTimes() found. */
export function times(): u32 {
  return statAt;
}
