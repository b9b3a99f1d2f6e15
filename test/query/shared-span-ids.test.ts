import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { type Trace, TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { splitSharedSpanIds } from "../../src/query/shared-span-ids.ts";
import { encodedTrace, randomTrace } from "./random-trace.ts";

const SERVER = 2;
const CLIENT = 3;
const INTERNAL = 1;

const id = (text: string) => Uint8Array.fromHex(text.padStart(16, "0"));

interface Row {
  readonly id: string;
  readonly parent?: string;
  readonly kind: 1 | 2 | 3;
}

/** Each inner list is a resource with a scope for every span of it. */
function traceOf(groups: readonly (readonly Row[])[]): Uint8Array {
  const resourceSpans = groups.map((rows) => ({
    resource: { attributes: [{ key: "x".repeat(100) }] },
    scopeSpans: rows.map((row) => ({
      schemaUrl: "s",
      spans: [
        {
          spanId: id(row.id),
          ...(row.parent !== undefined && { parentSpanId: id(row.parent) }),
          kind: row.kind,
          // Lengths around 128, so that two-byte lengths come and go.
          name: "n".repeat(80 + row.id.length),
        },
      ],
    })),
  }));
  return toBinary(TraceSchema, create(TraceSchema, { resourceSpans }));
}

const spansOf = (trace: Trace) =>
  trace.resourceSpans.flatMap((group) => group.scopeSpans.flatMap((scope) => scope.spans));

function rowsOf(bytes: Uint8Array): Row[] {
  return spansOf(fromBinary(TraceSchema, bytes)).map((span) => ({
    id: span.spanId.toHex().replace(/^0+/, ""),
    ...(span.parentSpanId.length > 0 && { parent: span.parentSpanId.toHex().replace(/^0+/, "") }),
    kind: span.kind as Row["kind"],
  }));
}

describe("a server that shares its id with a client", () => {
  test("gets one of its own and the client as parent", () => {
    const split = splitSharedSpanIds(
      traceOf([
        [
          { id: "a", kind: INTERNAL },
          { id: "b", parent: "a", kind: CLIENT },
        ],
        [
          { id: "b", parent: "a", kind: SERVER },
          { id: "c", parent: "b", kind: INTERNAL },
        ],
      ]),
    );
    expect(rowsOf(split)).toEqual([
      { id: "a", kind: INTERNAL },
      { id: "b", parent: "a", kind: CLIENT },
      { id: "1", parent: "b", kind: SERVER },
      { id: "c", parent: "1", kind: INTERNAL },
    ]);
  });

  test("new ids pass those in use, and roots gain a parent", () => {
    const split = splitSharedSpanIds(
      traceOf([
        [
          { id: "1", kind: SERVER },
          { id: "1", kind: CLIENT },
          { id: "3", parent: "1", kind: SERVER },
        ],
        [
          { id: "3", kind: CLIENT },
          { id: "4", parent: "3", kind: INTERNAL },
          { id: "123456789abcdef0", kind: CLIENT },
          { id: "123456789abcdef0", kind: SERVER },
        ],
      ]),
    );
    expect(rowsOf(split)).toEqual([
      { id: "2", parent: "1", kind: SERVER },
      { id: "1", kind: CLIENT },
      { id: "5", parent: "3", kind: SERVER },
      { id: "3", kind: CLIENT },
      { id: "4", parent: "5", kind: INTERNAL },
      { id: "123456789abcdef0", kind: CLIENT },
      { id: "6", parent: "123456789abcdef0", kind: SERVER },
    ]);
  });
});

describe("nothing to split", () => {
  const cases: readonly (readonly [string, readonly Row[]])[] = [
    ["no spans", []],
    [
      "a server and a client",
      [
        { id: "a", kind: CLIENT },
        { id: "b", kind: SERVER },
      ],
    ],
    [
      "two internal spans of one id",
      [
        { id: "a", kind: INTERNAL },
        { id: "a", kind: SERVER },
      ],
    ],
  ];
  test.each(cases)("%s: the same bytes", (_name, rows) => {
    const bytes = traceOf([rows]);
    expect(splitSharedSpanIds(bytes)).toBe(bytes);
  });
});

test("everything else of random traces stays as it was (seed 5)", () => {
  const random = prng(5);
  for (let i = 0; i < 300; i++) {
    const trace = randomTrace(random);
    const spans = spansOf(trace);
    const clients = spans.filter((span) => span.kind === CLIENT);
    for (const span of spans.filter((other) => other.kind === SERVER)) {
      const client = clients[random.below(clients.length + 1)];
      if (client) span.spanId = client.spanId;
    }
    const split = fromBinary(TraceSchema, splitSharedSpanIds(encodedTrace(trace)));
    const after = spansOf(split);
    const keys = new Set(after.map((span) => span.spanId.toHex()));
    expect(keys.size).toBe(after.length - sameServers(spans));
    for (const span of [...spans, ...after]) {
      span.spanId = id("0");
      span.parentSpanId = id("0");
    }
    expect(split).toEqual(trace);
  }
});

/** Spans that share an id without a client among them keep it. */
function sameServers(spans: ReturnType<typeof spansOf>): number {
  const others = spans.filter((span) => span.kind !== SERVER);
  return others.length - new Set(others.map((span) => span.spanId.toHex())).size;
}
