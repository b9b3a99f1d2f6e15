/**
 * Scans of the kernel over vectors of a quarter of a million rows, as a block has them: what one
 * condition costs a row.
 *
 * Sketch: a byte of codes a row comes from memory at some 10 GB/s, 0.1 ns; a look-up of one code
 * after the other takes 1 ns.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MiB } from "../src/base/bytes.ts";
import { prng } from "../src/base/prng.ts";
import { instantiate, makeMemory, sharedBuffer } from "../src/kernel/kernel.ts";
import { hold, median } from "./budget.ts";

const ROWS = 262_144;
const ROUNDS = 201;
const PASSES = 1;
const ROWS_OF_TRACE = 18;

const memory = makeMemory(16 * MiB);
const path = join(import.meta.dirname, "..", "native", "build", "kernel.wasm");
const kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
const buffer = sharedBuffer(memory);
const bytes = new Uint8Array(buffer);
const random = prng(1);

const BYTES = MiB;
const SHORTS = 2 * MiB;
const RARE = 3 * MiB;
const LONGS = 4 * MiB;
const TABLE = 8 * MiB;
const STARTS = 9 * MiB;
const BITS = 10 * MiB;
const GROUPS = 11 * MiB;
const OUT = 12 * MiB;
const groups = Math.floor(ROWS / ROWS_OF_TRACE);

const shorts = new Uint16Array(buffer);
const longs = new BigInt64Array(buffer);
const words = new Uint32Array(buffer);
for (let row = 0; row < ROWS; row++) {
  bytes[BYTES + row] = random.below(40);
  shorts[SHORTS / 2 + row] = random.below(2000);
  shorts[RARE / 2 + row] = random.below(12) === 0 ? random.below(12_000) : 0;
  longs[LONGS / 8 + row] = BigInt(random.below(300_000_000));
}
for (let code = 1; code < 12_000; code++) bytes[TABLE + code] = Number(random.below(10) === 0);
for (let i = 0; i <= groups; i++) words[STARTS / 4 + i] = i * ROWS_OF_TRACE;
for (let i = 0; i < groups / 8; i++) bytes[GROUPS + i] = random.below(256);

measure("scan_equal_bytes_ps", () => kernel.equalCodes(BYTES, 1, ROWS, 7, OUT));
measure("scan_test_bytes_ps", () => kernel.testCodes(BYTES, 1, ROWS, TABLE, OUT));
measure("scan_test_shorts_ps", () => kernel.testCodes(SHORTS, 2, ROWS, TABLE, OUT));
measure("scan_test_rare_ps", () => kernel.testCodes(RARE, 2, ROWS, TABLE, OUT));
measure("scan_range_ps", () => kernel.rangeLongs(LONGS, ROWS, 299_000_000n, 1n << 62n, BITS));
measure("scan_groups_with_ps", () => kernel.groupsWith(BITS, STARTS, groups, OUT));
measure("scan_rows_of_groups_ps", () => kernel.rowsOfGroups(GROUPS, STARTS, groups, OUT));

/** Picoseconds a row. */
function measure(name: string, scan: () => void): void {
  const times = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    for (let i = 0; i < PASSES; i++) scan();
    return ((performance.now() - began) * 1e9) / (ROWS * PASSES);
  });
  hold(name, median(times), "ps/row");
}
