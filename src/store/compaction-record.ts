/**
 * What compaction did in one window: the newest generation of its record is the only one that
 * counts, and it is cumulative. A block belongs to one window, and its compaction's output too.
 *
 *   object := record · the same again
 *
 * All that lives of a window may be named here alone, so a flipped bit must not take it away. Once
 * there was one copy.
 */
import { EngineError } from "../base/error.ts";
import { type BlockMeta, checkedBlockMeta } from "../model/block-meta.ts";

export const COMPACTION_RECORD_VERSION = 1;

export interface ReplacedBlock {
  readonly id: string;
  /** When a record first said so. Its objects go a grace time later. */
  readonly atMs: number;
}

/** A block that was looked at for traces that are over, and what held when it was. */
export interface LookedBlock {
  readonly id: string;
  /** The same as long as another look would find the same. */
  readonly mark: string;
}

export interface CompactionRecord {
  readonly version: typeof COMPACTION_RECORD_VERSION;
  /** Blocks that live by this record alone: they have no object below metas/. */
  readonly outputs: readonly BlockMeta[];
  /** Blocks that live no longer, by metas/ or as outputs of former generations. */
  readonly replaced: readonly ReplacedBlock[];
  /** Of blocks that live, by metas/ or as outputs. Saves work alone. */
  readonly looked: readonly LookedBlock[];
}

export function compactionBytes(record: CompactionRecord): Uint8Array {
  const sealed = { ...record, crc32: crcOf(record) };
  return new TextEncoder().encode(`${JSON.stringify(sealed)}\n`.repeat(2));
}

/**
 * Tells of a damaged copy beside one that is good. Throws block_corrupt, with the reason, for bytes
 * that have no good one.
 */
export function readCompactionRecord(
  bytes: Uint8Array,
  tell: (reason: string) => void = () => {},
): CompactionRecord {
  const half = bytes.length / 2;
  const [first, second] = [bytes.subarray(0, half), bytes.subarray(half)];
  const found = orReason(first);
  if (typeof found !== "string") {
    if (Buffer.compare(first, second) !== 0) tell("the second copy is damaged");
    return found;
  }
  const other = orReason(second);
  if (typeof other === "string") return readCopy(bytes);
  tell(`the first copy is damaged: ${found}`);
  return other;
}

function orReason(copy: Uint8Array): CompactionRecord | string {
  try {
    return readCopy(copy);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return error.message;
  }
}

function readCopy(bytes: Uint8Array): CompactionRecord {
  const value = parsed(bytes);
  if (!isRecord(value)) throw corrupt("not an object");
  const { crc32, ...fields } = value;
  // Of the fields before it; records of before there was one have none of another name.
  const fits = crc32 === undefined ? Object.keys(value).length === 3 : crc32 === crcOf(fields);
  if (!fits) throw corrupt("crc32");
  const { version, outputs, replaced, looked = [] } = fields;
  if (version !== COMPACTION_RECORD_VERSION) throw corrupt(`version ${String(version)} is unknown`);
  if (!Array.isArray(outputs)) throw corrupt("outputs are missing");
  if (!Array.isArray(replaced) || !replaced.every(isReplaced)) throw corrupt("replaced is wrong");
  if (!Array.isArray(looked) || !looked.every(isLooked)) throw corrupt("looked is wrong");
  return { version, outputs: outputs.map(checkedBlockMeta), replaced, looked };
}

function crcOf(fields: object): number {
  return Bun.hash.crc32(JSON.stringify(fields));
}

function isReplaced(value: unknown): value is ReplacedBlock {
  return isRecord(value) && isId(value["id"]) && Number.isSafeInteger(value["atMs"]);
}

function isLooked(value: unknown): value is LookedBlock {
  return isRecord(value) && isId(value["id"]) && typeof value["mark"] === "string";
}

function isId(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw corrupt("not JSON");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function corrupt(reason: string): EngineError {
  return new EngineError("block_corrupt", `compaction record: ${reason}`);
}
