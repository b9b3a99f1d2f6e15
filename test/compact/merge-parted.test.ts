/** More spans than a block may have, all at once: several blocks, parted by time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, expect, test } from "vitest";
import { MiB } from "../../src/base/bytes.ts";
import { prng } from "../../src/base/prng.ts";
import { readColumns } from "../../src/block/block-columns-read.ts";
import { BlockCaches, openBlock } from "../../src/block/block-read.ts";
import { MERGED_ROWS_MAX, type MergeInput } from "../../src/compact/merge-options.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { DiskStore } from "../../src/store/store-disk.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { MergeKernel } from "./merge-kernel.ts";

const root = mkdtempSync(join(tmpdir(), "vivace-parted-"));
const store = new DiskStore(root);
afterAll(() => rmSync(root, { recursive: true }));

const INPUTS = 3;
const SPANS = 200_000;
const REQUEST = 10_000;
const T0 = 1_700_000_000_000_000_000n;
const HOUR = 3_600_000_000_000;

const random = prng(11);
/** Traces begin anywhere in an hour; a tenth of each block's is in the next one as well. */
const ids = Array.from({ length: 60_000 }, () => Uint8Array.from(random.bytes(16)));
const startOf = ids.map(() => T0 + BigInt(random.below(HOUR)));

interface Span {
  readonly trace: string;
  readonly start: bigint;
}

function fill(cutter: CutKernel, block: number): Map<string, Span> {
  const sent = new Map<string, Span>();
  cutter.begin();
  for (let at = 0; at < SPANS; at += REQUEST) {
    const spans = Array.from({ length: REQUEST }, () => {
      const trace = block * 18_000 + random.below(20_000);
      const spanId = Uint8Array.from(random.bytes(8));
      const start = startOf[trace] + BigInt(random.below(1_000_000_000));
      sent.set(Buffer.from(spanId).toString("latin1"), {
        ...{ trace: Buffer.from(ids[trace]).toString("latin1"), start },
      });
      return { traceId: ids[trace], spanId, name: "work", startTimeUnixNano: start };
    });
    const message = { resourceSpans: [{ scopeSpans: [{ spans }] }] };
    cutter.add(toBinary(TraceSchema, create(TraceSchema, message as never)), "one");
  }
  return sent;
}

/** By span id, of one block. */
function spansOf(folder: string): Map<string, Span> {
  const caches = new BlockCaches({ filesMax: 4, bytesMax: 64 * MiB });
  const { path, file } = openBlock(caches, folder);
  const names = ["span_id", "trace_id", "start_unix_nano"];
  const columns = names.map((name) => file.columns.findIndex((column) => column.path[0] === name));
  const read = readColumns(caches, { path, file }, { columns, rows: { first: 0, end: file.rows } });
  const [spanIds, traceIds, starts] = columns.map((column) => read.get(column)?.values ?? []);
  const text = (value: unknown) => Buffer.from(value as Uint8Array).toString("latin1");
  return new Map(
    spanIds.map((id, row) => [
      text(id),
      { trace: text(traceIds[row]), start: starts[row] as bigint },
    ]),
  );
}

test("each trace is whole in one of them, and they follow each other in time", () => {
  const cutter = new CutKernel();
  const inputs: MergeInput[] = [];
  const sent = new Map<string, Span>();
  for (let block = 0; block < INPUTS; block++) {
    for (const [id, span] of fill(cutter, block)) sent.set(id, span);
    const [meta] = cutter.cut(store, [block, block + 1]);
    inputs.push({ meta, folder: store.folderOf(meta) });
  }
  expect(sent.size).toBeGreaterThan(MERGED_ROWS_MAX);
  // Of the first block every third trace is over, unless the next one has it as well.
  const expired = Uint8Array.from({ length: inputs[0].meta.traces }, (_, i) =>
    i % 3 === 0 ? 1 : 0,
  );
  const own = [...new Set([...spansOf(inputs[0].folder).values()].map(({ trace }) => trace))];
  own.sort((a, b) => Buffer.compare(Buffer.from(a, "latin1"), Buffer.from(b, "latin1")));
  const elsewhere = new Set(
    inputs
      .slice(1)
      .flatMap(({ folder }) => [...spansOf(folder).values()].map(({ trace }) => trace)),
  );
  const gone = new Set(own.filter((trace, i) => expired[i] === 1 && !elsewhere.has(trace)));
  expect(gone.size).toBeGreaterThan(1000);

  const [first, ...others] = inputs;
  const result = new MergeKernel().merge(store, [{ ...first, expired }, ...others]);
  const kept = new Map([...sent].filter(([, { trace }]) => !gone.has(trace)));
  expect(result.outputs.length).toBe(2);
  expect(result.doubles).toBe(0);
  expect(result.expired).toBe(sent.size - kept.size);
  const blocks = result.outputs.map((meta) => ({ meta, spans: spansOf(store.folderOf(meta)) }));
  const found = new Map(blocks.flatMap(({ spans }) => [...spans]));
  expect(found.size).toBe(kept.size);
  for (const [id, { trace, start }] of kept) {
    const span = found.get(id);
    if (span?.trace !== trace || span.start !== start) expect(span).toEqual({ trace, start });
  }
  let lastBegan = 0n;
  const seen = new Set<string>();
  for (const { meta, spans } of blocks) {
    expect(spans.size).toBe(meta.spans);
    expect(meta.spans).toBeLessThanOrEqual(MERGED_ROWS_MAX);
    expect(meta.merged?.siblings).toEqual(result.outputs.map(({ id }) => id));
    const began = new Map<string, bigint>();
    for (const { trace, start } of spans.values()) {
      const known = began.get(trace);
      if (known === undefined || start < known) began.set(trace, start);
    }
    expect(began.size).toBe(meta.traces);
    for (const trace of began.keys()) expect(seen.has(trace)).toBe(false);
    for (const trace of began.keys()) seen.add(trace);
    const all = [...began.values()].sort((a, b) => (a < b ? -1 : 1));
    expect(all[0]).toBeGreaterThanOrEqual(lastBegan);
    expect(BigInt(meta.startUnixNano)).toBe(all[0]);
    lastBegan = all[all.length - 1];
  }
}, 120_000);
