import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import type { SpanRow } from "../../src/model/span-row.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { type ListedBlock, TraceById } from "../../src/query/trace-by-id.ts";
import { TraceCombiner } from "../../src/query/trace-combine.ts";

const EMPTY = new Uint8Array();
const TRACE_ID = new Uint8Array(16).fill(7);
const text = (value: string) => new TextEncoder().encode(value);

function row(id: number, own: Partial<SpanRow> = {}): SpanRow {
  const spanId = new Uint8Array(8);
  new DataView(spanId.buffer).setUint32(4, id);
  return {
    spanId,
    parentSpanId: undefined,
    traceState: EMPTY,
    name: text(`span ${id}`),
    kind: 1,
    startUnixNano: 5n,
    durationNano: -2n,
    statusCode: 0,
    statusMessage: EMPTY,
    flags: 0,
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    attributes: [],
    events: [],
    links: [],
    otlp: undefined,
    resource: { message: EMPTY, schemaUrl: EMPTY },
    scope: { message: EMPTY, schemaUrl: EMPTY },
    ...own,
  };
}

function block(node: string, from: number, to: number): ListedBlock {
  const meta: BlockMeta = {
    version: 1,
    id: `${from}`.padStart(32, "0"),
    tenants: [{ name: "t", rowFirst: 0, rows: 1, traces: 1 }],
    shared: false,
    spans: 1,
    traces: 1,
    startUnixNano: "0",
    endUnixNano: "0",
    retainFromMs: 0,
    dataBytes: 0,
    sidecarBytes: 0,
    footerBytes: 0,
    wal: { node, from, to },
    createdMs: 0,
  };
  return { meta, folder: `${from}` };
}

/** Names of the spans, in order. */
function names(trace: Uint8Array): string[] {
  return fromBinary(TraceSchema, trace).resourceSpans.flatMap((resource) =>
    resource.scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)),
  );
}

interface World {
  readonly halves: readonly {
    readonly from: number;
    readonly to: number;
    rows: Iterable<SpanRow>;
  }[];
  readonly blocks: readonly { readonly block: ListedBlock; readonly rows: Iterable<SpanRow> }[];
}

/** Head and blocks that hold rows of one tenant, and say in which order they were asked. */
async function ask(world: World, bytesMax = 2 ** 20) {
  const steps: string[] = [];
  const finder = new TraceById({
    nodeId: "here",
    head: {
      pin: () => {
        steps.push("pin");
        return world.halves.map(({ from, to }, base) => ({ base, walFrom: from, walTo: to }));
      },
      unpin: () => steps.push("unpin"),
      rows: ({ base }) => world.halves[base].rows,
    },
    blocks: {
      inspectedBytes: 0,
      blocks: async () => {
        steps.push("list");
        return world.blocks.map((stored) => stored.block);
      },
      rows: (listed) => world.blocks.find((stored) => stored.block === listed)?.rows,
    },
  });
  const found = await finder.find({ tenants: ["t"], traceId: TRACE_ID, bytesMax });
  return { ...found, names: names(found.trace), steps };
}

test("blocks come first, by their place in the log, then the halves by theirs", async () => {
  const found = await ask({
    halves: [
      { from: 30, to: 40, rows: [row(4)] },
      { from: 20, to: 30, rows: [row(3)] },
    ],
    blocks: [
      { block: block("here", 10, 20), rows: [row(2)] },
      { block: block("here", 0, 10), rows: [row(1)] },
    ],
  });
  expect(found.names).toEqual(["span 1", "span 2", "span 3", "span 4"]);
  expect(found.steps).toEqual(["pin", "unpin", "list"]);
  expect(found).toMatchObject({ spans: 4, partial: false });
});

test("a half that a block of this node covers is left out, any other is not", async () => {
  const inHead = [row(1, { name: text("head") }), row(2)];
  const inBlock = [row(1, { name: text("block") }), row(3)];
  const ranges = [
    ["here", 0, 10, ["block", "span 3"]],
    ["there", 0, 10, ["block", "span 3", "span 2"]],
    ["here", 0, 9, ["block", "span 3", "span 2"]],
    ["here", 1, 10, ["block", "span 3", "span 2"]],
  ] as const;
  for (const [node, from, to, expected] of ranges) {
    const found = await ask({
      halves: [{ from: 0, to: 10, rows: inHead }],
      blocks: [{ block: block(node, from, to), rows: inBlock }],
    });
    expect(found.names).toEqual(expected);
  }
  // Rows that are committed before the half knows its part of the log.
  const early = await ask({
    halves: [{ from: 0, to: 0, rows: inHead }],
    blocks: [{ block: block("here", 0, 10), rows: [row(3)] }],
  });
  expect(early.names).toEqual(["span 3", "head", "span 2"]);
});

test("bytesMax ends a trace without end", async () => {
  let made = 0;
  const rows = (function* () {
    for (;;) yield row(++made);
  })();
  const found = await ask({ halves: [], blocks: [{ block: block("here", 0, 1), rows }] }, 100_000);
  expect(found.partial).toBe(true);
  expect(found.trace.length).toBeLessThan(100_000);
  expect(found.trace.length).toBeGreaterThan(99_000);
  expect(made).toBe(found.spans + 1);
});

test("the same span is there once; kinds tell apart; another content is counted", () => {
  const combiner = new TraceCombiner(TRACE_ID, 2 ** 20);
  const other = { message: text("\n\u0000"), schemaUrl: EMPTY };
  combiner.addRows([row(1), row(1), row(1, { kind: 3 }), row(2)]);
  expect([combiner.spans, combiner.differing]).toEqual([3, 0]);
  combiner.addRows([row(1, { name: text("x") }), row(2, { resource: other }), row(3)]);
  expect([combiner.spans, combiner.differing]).toEqual([4, 2]);
  const all = new TraceCombiner(TRACE_ID, 2 ** 20);
  all.addRows([row(3, { name: text("first") }), row(4)]);
  all.addAll(combiner);
  expect([all.spans, all.differing]).toEqual([5, 3]);
  expect(names(all.finish())).toEqual(["first", "span 4", "span 1", "span 1", "span 2"]);
});

test("groups stand in the order of their first span, once each", () => {
  const source = (name: string, url = "") => ({
    message: Uint8Array.of(0x0a, name.length, ...text(name)),
    schemaUrl: text(url),
  });
  const combiner = new TraceCombiner(TRACE_ID, 2 ** 24);
  const scopes = ["b", "a", "b", "c"].map((name) => source(name));
  const rows = Array.from({ length: 4000 }, (_, i) => row(i, { scope: scopes[i % 4] }));
  combiner.addRows([...rows, row(9000, { scope: source("a", "url") })]);
  const trace = fromBinary(TraceSchema, combiner.finish());
  const found = trace.resourceSpans[0].scopeSpans;
  const shown = found.map(({ scope, schemaUrl, spans }) => [scope?.name, schemaUrl, spans.length]);
  expect(trace.resourceSpans.length).toBe(1);
  expect(shown).toEqual([
    ["b", "", 2000],
    ["a", "", 1000],
    ["c", "", 1000],
    ["a", "url", 1],
  ]);
});
