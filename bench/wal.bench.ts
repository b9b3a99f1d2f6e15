/**
 * The log: what a request of 500 spans (190 KB) costs until it is durable, by the size of the
 * group that shares one fdatasync, and what it costs to replay. The CPU is shown for segments in
 * fresh files, and in files that go round as they do in use: those have their pages and blocks.
 *
 * Sketch: 190 KB are 48 pages; copying them into the page cache takes 24 µs, the file system's
 * journal some 90 µs a commit, and CRC-32 3 µs. The design's budget is 0.13 µs a span: 65 µs.
 *
 * Run: node_modules/.bin/bun bench/wal.bench.ts [folder on the disk to measure]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bench, do_not_optimize, run } from "mitata";
import { assert } from "../src/base/assert.ts";
import { MiB } from "../src/base/bytes.ts";
import { systemClock } from "../src/base/clock.ts";
import { makeLogger } from "../src/base/log.ts";
import { walFolder } from "../src/wal/wal-file.ts";
import { recordBytes, sealRecord, writeRequestFields } from "../src/wal/wal-format.ts";
import { EMPTY_TAIL, WalReplay } from "../src/wal/wal-replay.ts";
import { SPARES_MAX } from "../src/wal/wal-spares.ts";
import { WalWriter } from "../src/wal/wal-writer.ts";

const PAYLOAD_BYTES = 190_000;
const SPANS = 500;
/**
 * Small, so that the page cache is reused: on a virtual machine the first touch of a page costs
 * the host more than all the rest. Below two segments, as a half of the head is.
 */
const RELEASE_BYTES = 112 * MiB;
const RECORDS_MEASURED = 1500;

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "wal-bench-"));
const ring = new SharedArrayBuffer(32 * MiB);
const size = recordBytes(6, PAYLOAD_BYTES);
const records = Array.from({ length: 64 }, (_, index) => {
  const fields = { receivedMs: 1, payloadBytes: PAYLOAD_BYTES, tenantBytes: 6 };
  writeRequestFields(new DataView(ring), index * size, fields);
  return new Uint8Array(ring, index * size, size);
});

/** Appends and syncs one group; releases all from time to time, as a cut does. */
function commit(wal: WalWriter, group: readonly Uint8Array[]): void {
  wal.append(group);
  wal.sync();
  if (wal.liveBytes > RELEASE_BYTES) wal.releaseThrough(wal.end);
  wal.freeSome();
}

function newLog(name: string, sparesMax = SPARES_MAX): WalWriter {
  return new WalWriter({
    disk: walFolder(join(folder, name)),
    tail: EMPTY_TAIL,
    clock: systemClock,
    bytesMax: 8 * RELEASE_BYTES,
    startAtLeast: 0,
    sparesMax,
  });
}

/** Kernel time included, which mitata does not count. */
function cpuOf(name: string, count: number, work: () => void): void {
  const before = process.cpuUsage();
  const start = performance.now();
  work();
  const { user, system } = process.cpuUsage(before);
  const us = (user + system) / count;
  const wall = ((performance.now() - start) * 1000) / count;
  const figures = `${us.toFixed(1)} µs CPU, ${wall.toFixed(1)} µs wall a record`;
  const parts = `${(us / SPANS).toFixed(3)} a span, ${((us * 1e6) / size).toFixed(0)} a MB`;
  process.stdout.write(`${name.padEnd(30)} ${figures}; µs CPU: ${parts}\n`);
}

/** Groups of `groupRecords`, once the files that go round do so. */
function cpuOfGroups(groupRecords: number, sparesMax: number): void {
  const kind = sparesMax === 0 ? "fresh" : "recycled";
  const wal = newLog(`cpu-${groupRecords}-${kind}`, sparesMax);
  const group = records.slice(0, groupRecords);
  while (wal.stats.appendedBytes < 2 * RELEASE_BYTES) commit(wal, group);
  const groups = Math.ceil(RECORDS_MEASURED / groupRecords);
  const { segmentsCreated, segmentsRecycled } = wal.stats;
  cpuOf(`group of ${groupRecords}, ${kind} files`, groups * groupRecords, () => {
    for (let at = 0; at < groups; at++) commit(wal, group);
  });
  const created = wal.stats.segmentsCreated - segmentsCreated;
  const recycled = wal.stats.segmentsRecycled - segmentsRecycled;
  assert(recycled === (sparesMax === 0 ? 0 : created), "bench: not the files that are measured");
  wal.releaseThrough(wal.end);
  wal.close();
}

bench("seal one record (crc), 190 KB", () => {
  sealRecord(records[0], 64, 1);
  do_not_optimize(records[0][4]);
});
for (const groupRecords of [1, 4, 16]) {
  const wal = newLog(`latency-${groupRecords}`);
  const group = records.slice(0, groupRecords);
  bench(`append + sync, group of ${groupRecords}`, () => commit(wal, group));
}

try {
  await run();
  for (const groupRecords of [1, 4, 16]) {
    for (const sparesMax of [0, SPARES_MAX]) cpuOfGroups(groupRecords, sparesMax);
  }
  const wal = newLog("replay");
  for (let at = 0; at < 40; at++) wal.append(records.slice(0, 32));
  wal.close();
  const disk = walFolder(join(folder, "replay"));
  const logger = makeLogger({ level: "warn", format: "logfmt", component: "bench" });
  const window = new Uint8Array(ring);
  cpuOf("replay", 40 * 32, () => {
    const replay = new WalReplay({ disk, window, covered: () => false, logger });
    while (replay.next());
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
