/** `vivace verify`: all blocks, or those that are named, and the log. */
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { bytesText, countText } from "./amounts.ts";
import { type Finding, isDamage } from "./finding.ts";
import { type InspectedBlock, type InspectedStore, tellAll } from "./inspected-store.ts";
import { ProgressLine, type Terminal } from "./progress-line.ts";
import { verifyBlock } from "./verify-block.ts";
import { logBytes, verifyLog } from "./verify-log.ts";

export interface VerifyWork {
  readonly store: InspectedStore;
  /** Where its segments lie. */
  readonly logPath: string;
  /** Pid of the server that uses the log's folder, if one does. */
  readonly usedBy: number | undefined;
  /** Empty: all blocks, and the log. */
  readonly ids: readonly string[];
  readonly clock: Clock;
  readonly terminal: Terminal;
  print(line: string): void;
}

/** Keys that a person can still read. */
const UNNAMED_SHOWN = 20;

/** Exit status: 0, or 1 when there is damage. Rejects with EngineError when it cannot be read. */
export async function verifyCommand(work: VerifyWork): Promise<0 | 1> {
  const { store, logPath, ids, print, clock } = work;
  const startMs = clock.nowMs();
  const progress = new ProgressLine(work.terminal, clock);
  const { blocks: all, damaged } = await store.list();
  const blocks = ids.length === 0 ? all : chosen(all, ids);
  let found = 0;
  const findings = {
    add: ({ object, reason }: Finding) => {
      found++;
      progress.clear();
      print(`damaged: ${object}: ${reason}`);
    },
  };
  const isAll = ids.length === 0;
  if (isAll) tellAll(findings, damaged);
  const log = isAll ? logBytes(logPath) : 0;
  const total = log + blocks.reduce((sum, { meta }) => sum + bytesOf(meta), 0);
  let bytes = 0;
  let done = 0;
  const onBytes = (more: number) => {
    bytes += more;
    progress.show(bytes, total, `block ${done} of ${blocks.length}, ${bytesText(bytes)}`);
  };
  let gone = 0;
  for (const block of blocks) {
    done++;
    const before = bytes;
    if (!(await verifyOne(store, block, { findings, onBytes }))) gone++;
    // Whatever could not be read of it.
    bytes = before + bytesOf(block.meta);
  }
  if (isAll) await store.verifyIndex(findings);
  const unnamed = isAll ? await store.verifyObjects(findings) : [];
  const { usedBy } = work;
  const records = isAll
    ? verifyLog({ path: logPath, isInUse: usedBy !== undefined, findings, onBytes })
    : undefined;
  progress.clear();
  const seconds = Math.max(0.001, (clock.nowMs() - startMs) / 1000);
  const parts = [countText(blocks.length - gone, "block")];
  if (records !== undefined) parts.push(countText(records.segments, "log segment"));
  if (records !== undefined) parts.push(countText(records.records, "log record"));
  const speed = `${bytesText(bytes)} in ${seconds.toFixed(1)} s, ${bytesText(bytes / seconds)}/s`;
  if (usedBy !== undefined && isAll) {
    print(`process ${usedBy} uses the log: what it is writing now is not judged`);
  }
  for (const line of unnamedLines(unnamed)) print(line);
  print(`${parts.join(", ")}; ${speed}; ${found === 0 ? "no damage" : `${found} damaged`}`);
  return found === 0 ? 0 : 1;
}

/** No damage by itself: a server sweeps them when they are older than the grace time. */
function unnamedLines(keys: readonly string[]): string[] {
  if (keys.length === 0) return [];
  const some = keys.slice(0, UNNAMED_SHOWN).map((key) => `of no block: ${key}`);
  const more = keys.length > some.length ? ", of which these are some" : "";
  const what = "an upload goes on or was cut off, or the meta of the block or its record is gone";
  return [...some, `${countText(keys.length, "object")} of no block${more}: ${what}`];
}

/** False: it is no longer there. */
async function verifyOne(
  store: InspectedStore,
  block: InspectedBlock,
  to: Pick<Parameters<typeof verifyLog>[0], "findings" | "onBytes">,
): Promise<boolean> {
  const { findings, onBytes } = to;
  const { meta } = block;
  try {
    await store.withFiles(block, (files) => verifyBlock(files, findings, onBytes));
    return true;
  } catch (error) {
    if (isDamage(error)) {
      findings.add({ object: `block ${meta.id}`, reason: error.message });
      return true;
    }
    if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
    // Retention and compaction go on meanwhile.
    const isStill = block.isInBucket ? await isListed(store, meta.id) : store.isThere(meta);
    if (!isStill) return false;
    findings.add({ object: `block ${meta.id}`, reason: error.message });
    return true;
  }
}

async function isListed(store: InspectedStore, id: string): Promise<boolean> {
  return (await store.list()).blocks.some(({ meta }) => meta.id === id);
}

function chosen(all: readonly InspectedBlock[], ids: readonly string[]): InspectedBlock[] {
  return ids.map((id) => findBlock(all, id));
}

/** By its id or how that begins. Throws not_found. */
export function findBlock(all: readonly InspectedBlock[], id: string): InspectedBlock {
  const found = all.filter(({ meta }) => meta.id.startsWith(id.toLowerCase()));
  if (found.length === 1) return found[0];
  const how = found.length === 0 ? "no block" : `${found.length} blocks`;
  throw new EngineError("not_found", `there is ${how} whose id begins with ${JSON.stringify(id)}`);
}

export function bytesOf({
  dataBytes,
  sidecarBytes,
}: {
  readonly dataBytes: number;
  readonly sidecarBytes: number;
}): number {
  return dataBytes + sidecarBytes;
}
