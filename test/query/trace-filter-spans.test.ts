import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { parseTraceFilter } from "../../src/api/trace-filter-params.ts";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { type Trace, TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { fieldsOf } from "../../src/query/field-of.ts";
import { SPAN_INTRINSICS } from "../../src/query/span-readers.ts";
import { filterTraceSpans } from "../../src/query/trace-filter-spans.ts";
import type { FieldExpr } from "../../src/traceql/ast.ts";
import { filterKeeps } from "../oracle/oracle-field.ts";
import { isGood, randomCondition } from "../oracle/oracle-queries.ts";
import { spansOfMessage, tracesOf } from "../oracle/oracle-span.ts";
import { messageOf, randomItems } from "../oracle/oracle-traces.ts";

const id = (number: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, number);
const span = (number: number, parent: number, code?: number) => ({
  traceId: new Uint8Array(16).fill(1),
  spanId: id(number),
  parentSpanId: parent === 0 ? new Uint8Array(0) : id(parent),
  name: `s${number}`,
  attributes:
    code === undefined
      ? []
      : [{ key: "code", value: { value: { case: "intValue", value: BigInt(code) } as const } }],
});

/** 1 → 2 → 3 (500) → 5 → 6, and 1 → 4 (200), of two scopes and a resource without matches. */
const family = toBinary(
  TraceSchema,
  create(TraceSchema, {
    resourceSpans: [
      {
        resource: { attributes: [] },
        scopeSpans: [
          { scope: { name: "one" }, spans: [span(1, 0), span(2, 1), span(3, 2, 500)] },
          { scope: { name: "two" }, spans: [span(4, 1, 200)] },
        ],
      },
      {
        resource: { droppedAttributesCount: 3 },
        scopeSpans: [{ spans: [span(5, 3), span(6, 5)] }],
      },
    ],
  }),
);

function filterOf(text: string) {
  const filter = parseTraceFilter(new URLSearchParams(text), 1000);
  if (filter === undefined) throw new Error(`no filter in ${text}`);
  return filter;
}

function spansIn({ resourceSpans }: Trace) {
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

const Q = `q=${encodeURIComponent("{ .code = 500 }")}`;

describe("ancestors and descendants", () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ["", [3]],
    ["&match_depth=1", [3, 5]],
    ["&match_depth=-1", [3, 5, 6]],
    ["&keep_hierarchy=true", [1, 2, 3]],
    ["&keep_hierarchy=1&ancestor_depth=1", [2, 3]],
    ["&keep_hierarchy=true&ancestor_depth=0&match_depth=2", [3, 5, 6]],
    ["&keep_hierarchy=false&ancestor_depth=abc", [3]],
  ];
  test.each(cases)("%s", (params, wanted) => {
    const { trace, isLess } = filterTraceSpans(family, filterOf(Q + params));
    const spans = spansIn(fromBinary(TraceSchema, trace));
    expect(spans.map(({ spanId }) => spanId[7])).toEqual(wanted);
    expect(isLess).toBe(true);
  });
});

test("groups without spans go, all else of the others stays", () => {
  const { trace } = filterTraceSpans(
    family,
    filterOf(`q=${encodeURIComponent('{ name = "s6" }')}`),
  );
  const { resourceSpans } = fromBinary(TraceSchema, trace);
  expect(resourceSpans.map(({ resource }) => resource?.droppedAttributesCount)).toEqual([3]);
  expect(resourceSpans[0].scopeSpans).toHaveLength(1);
});

test("nothing found is an empty trace, everything found the trace itself", () => {
  expect(filterTraceSpans(family, filterOf("q={.code=1}"))).toEqual({
    trace: new Uint8Array(0),
    isLess: true,
  });
  expect(filterTraceSpans(family, filterOf("q={}"))).toEqual({ trace: family, isLess: false });
  const nothing = new Uint8Array(0);
  expect(filterTraceSpans(nothing, filterOf("q={}"))).toEqual({ trace: nothing, isLess: false });
});

test("a circle of parents ends", () => {
  const circle = toBinary(
    TraceSchema,
    create(TraceSchema, { resourceSpans: [{ scopeSpans: [{ spans: [span(1, 2), span(2, 1)] }] }] }),
  );
  const all = "&match_depth=-1&keep_hierarchy=true";
  const { trace } = filterTraceSpans(
    circle,
    filterOf(`q=${encodeURIComponent('{name="s1"}')}${all}`),
  );
  expect(spansIn(fromBinary(TraceSchema, trace))).toHaveLength(2);
});

describe("refused", () => {
  const filter = "invalid TraceQL filter: ";
  const single = `${filter}only a single TraceQL filter is supported: got `;
  const cases: readonly (readonly [string, string])[] = [
    ["q={}|{}", `${single}2 pipeline elements`],
    ["q={}>>{}", `${single}a structural or aggregate query`],
    ["q={}|rate()", `${single}a multi-stage pipeline or metrics query`],
    ["q={traceDuration>1s}", `${filter}intrinsic is not supported by this filter: "traceDuration"`],
    [
      "q={1}",
      `${filter}failed to parse TraceQL spanset filter: ` +
        "span filter field expressions must resolve to a boolean: { 1 }",
    ],
    ["q={}&match_depth=-2", "invalid value for match_depth: must be >= -1"],
    [
      "q={}&match_depth=abc",
      'invalid value for match_depth: strconv.Atoi: parsing "abc": invalid syntax',
    ],
    [
      "q={}&keep_hierarchy=true&ancestor_depth=-2",
      "invalid value for ancestor_depth: must be >= -1",
    ],
    [
      "q={}&keep_hierarchy=yes",
      'invalid value for keep_hierarchy: strconv.ParseBool: parsing "yes": invalid syntax',
    ],
  ];
  test.each(cases)("%s", (params, message) => {
    const parse = () => parseTraceFilter(new URLSearchParams(params), 1000);
    expect(parse).toThrow(EngineError);
    expect(parse).toThrow(message);
  });

  test("without q nothing is looked at", () => {
    expect(parseTraceFilter(new URLSearchParams("q=%20&match_depth=x"), 1000)).toBeUndefined();
  });
});

test("finds the spans that the reference evaluator finds", () => {
  const random = prng(71);
  let found = 0;
  for (let round = 0; round < 3000; round++) {
    const message = messageOf(randomItems(random, 1));
    const spans = spansIn(message);
    if (new Set(spans.map(({ spanId, kind }) => `${spanId.toHex()} ${kind}`)).size < spans.length) {
      continue;
    }
    const expr = randomCondition(random, 3);
    if (!isOfSpan(expr)) continue;
    const [trace] = tracesOf(spansOfMessage(message));
    const filter = { expr, ancestors: 0, descendants: 0 };
    const wanted = spansOfMessage(message).filter((one) => filterKeeps(expr, { trace, span: one }));
    const { trace: bytes } = filterTraceSpans(toBinary(TraceSchema, message), filter);
    const got = spansOfMessage(fromBinary(TraceSchema, bytes));
    expect(got).toEqual(wanted);
    if (wanted.length > 0) found++;
  }
  expect(found).toBeGreaterThan(200);
});

function isOfSpan(expr: FieldExpr): boolean {
  const stages = [{ node: "filter", expr } as const];
  if (!isGood({ body: { node: "pipeline", stages }, hints: [] })) return false;
  return fieldsOf(expr).every((field) =>
    field.node === "attribute" ? !field.parent : SPAN_INTRINSICS.has(field.name),
  );
}
