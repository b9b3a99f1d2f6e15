import { describe, expect, test } from "vitest";
import { tagNamesPlan } from "../../src/api/tag-names-question.ts";
import { parseTagNamesParams, parseTagValuesParams } from "../../src/api/tag-params.ts";
import { tagValuesPlan } from "../../src/api/tag-values-question.ts";
import { printField } from "../../src/traceql/print.ts";
import { limits, NOW_MS } from "./start-api.ts";

const NOW = BigInt(NOW_MS) * 1_000_000n;
const SECOND = 1_000_000_000n;
const context = { tenants: ["t"], limits, nowNano: NOW };

function names(version: 1 | 2, query: string) {
  return tagNamesPlan(
    { version, ...parseTagNamesParams(new URLSearchParams(query), NOW) },
    context,
  );
}

function values(version: 1 | 2, name: string, query = "") {
  const asked = parseTagValuesParams(new URLSearchParams(query), NOW);
  return tagValuesPlan({ version, name, ...asked }, context);
}

describe("names", () => {
  test("of all scopes", () => {
    expect(names(2, "limit=7&since=1h").question).toEqual({
      type: "tagNames",
      tenants: ["t"],
      startNano: NOW - 3600n * SECOND,
      endNano: NOW,
      scope: undefined,
      filter: undefined,
      limit: 7,
    });
    expect(names(2, "scope=none&limit=x").question).toMatchObject({ scope: undefined, limit: 0 });
  });

  test.each(["resource", "span", "event", "link", "instrumentation"])("of scope %s", (scope) => {
    for (const version of [1, 2] as const) {
      const { question, shown } = names(version, `scope=${scope}`);
      expect(question).toMatchObject({ scope });
      expect(shown.intrinsics).toEqual([]);
    }
  });

  test("intrinsics are no data", () => {
    for (const version of [1, 2] as const) {
      const { question, shown } = names(version, "scope=intrinsic");
      expect(question).toBeUndefined();
      expect(shown.intrinsics).toHaveLength(25);
      expect(shown.intrinsics).toEqual(shown.intrinsics.toSorted());
    }
    expect(names(2, "").shown.intrinsics).toHaveLength(25);
    expect(names(1, "").shown.intrinsics).toEqual([]);
  });

  test("a trace has no attributes", () => {
    expect(names(2, "scope=trace")).toEqual({
      question: undefined,
      shown: { intrinsics: [], limit: 0 },
    });
  });

  test.each([
    ["scope=x", "invalid scope: x"],
    ["scope=Span", "invalid scope: Span"],
    ["start=1", "error parsing date range: only one of start and end provided"],
    ["start=2&end=1", "http parameter start must be before end. received start=2 end=1"],
    [`q=${"a".repeat(128 * 1024 + 1)}`, "TraceQL expression exceeds"],
  ])("%s is refused", (query, message) => expect(() => names(2, query)).toThrow(message));

  test.each([
    ["{ .a = 1 }", ".a = 1"],
    ["{ .a = 1 && name = }", "(.a = 1) && true"],
    ["{}", undefined],
    ["{ broken", undefined],
    ["{ 1 + 1 }", undefined],
    ["{ .a =~ `(` }", undefined],
    ["", undefined],
  ])("of spans: %s", (query, text) => {
    const asked = names(2, `q=${encodeURIComponent(query)}`).question;
    expect(asked?.filter && printField(asked.filter)).toBe(text);
    expect(names(1, `q=${encodeURIComponent(query)}`).question?.filter).toBeUndefined();
  });
});

describe("values", () => {
  test("of a field", () => {
    const query = "limit=5&q={.b}&start=1&end=2&maxStaleValues=9";
    expect(values(2, "resource.service.name", query)).toEqual({
      known: [],
      question: {
        type: "tagValues",
        tenants: ["t"],
        startNano: SECOND,
        endNano: 2n * SECOND,
        field: { node: "attribute", scope: "resource", parent: false, name: "service.name" },
        filter: { node: "attribute", scope: "none", parent: false, name: "b" },
        limit: 5,
        bytesMax: limits.tagValuesBytesMax,
      },
    });
  });

  test.each([
    [".a/b", ".a/b"],
    ["name", "name"],
    ["span:name", "name"],
    ["event:name", "event:name"],
    ['span."a b"', 'span."a b"'],
    ["trace:rootName", "rootName"],
    ["instrumentation.x", "instrumentation.x"],
  ])("v2 %s", (name, text) => {
    const field = values(2, name).question?.field;
    expect(field && printField(field)).toBe(text);
  });

  const words = (name: string, version: 1 | 2 = 2, query = "") =>
    values(version, name, query).known.map((one) => (one.type === "nil" ? "" : String(one.value)));

  test("v2 of enumerations are all there are", () => {
    expect(words("status")).toEqual(["ok", "error", "unset"]);
    expect(words("span:status", 2, "limit=2")).toEqual(["ok", "error"]);
    expect(words("span:kind")).toEqual([
      ...["client", "server", "producer", "consumer", "internal", "unspecified"],
    ]);
    expect(values(2, "kind").question).toBeUndefined();
  });

  test.each([
    ...["duration", "span:duration", "traceDuration", "trace:duration", "trace:id", "span:id"],
    ...["span:parentID", "link:traceID", "link:spanID"],
  ])("v2 of %s are none", (name) => {
    expect(values(2, name)).toEqual({ question: undefined, known: [] });
  });

  test.each([
    ["service.name", "resource.service.name"],
    ["k8s.pod.name", "resource.k8s.pod.name"],
    ["http.status_code", "span.http.status_code"],
    ["name", "name"],
    ["root.name", "rootName"],
    ["rootServiceName", "rootServiceName"],
    ["status", ".status"],
    ["a b/c", '."a b/c"'],
    ["error", ".error"],
  ])("v1 %s", (name, text) => {
    const field = values(1, name, "q={.x}").question?.field;
    expect(field && printField(field)).toBe(text);
    expect(values(1, name, "q={.x}").question?.filter).toBeUndefined();
  });

  test("v1 knows what stands for a status", () => {
    expect(words("status.code", 1)).toEqual(["ok", "error", "unset"]);
    expect(words("error", 1)).toEqual(["true"]);
    expect(words("status", 1)).toEqual([]);
  });

  const invalid = "please provide a valid tagName: failed to parse identifier";
  test.each([
    ["", "", "please provide a non-empty tagName"],
    ["service.name", "", `${invalid} service.name: parse error at line 1, col 2`],
    ["a b", "", `${invalid} a b: parse error`],
    [".a = 1", "", `${invalid} .a = 1: expected an attribute or an intrinsic`],
    ["parent.a", "", `${invalid} parent.a: expected an attribute or an intrinsic`],
    ["parent", "", `${invalid} parent: expected an attribute or an intrinsic`],
    [".a} | {.b", "", `${invalid} .a} | {.b: expected an attribute`],
    [".a} | rate() | topk(1", "", `${invalid} .a} | rate() | topk(1: parse error`],
    ["name", "limit=x", `invalid limit: strconv.ParseUint: parsing "x": invalid syntax`],
    ["name", "maxStaleValues=x", "invalid maxStaleValues: strconv.ParseUint"],
    ["name", "end=5", "error parsing date range: only one of start and end"],
  ])("v2 %j with %s is refused", (name, query, message) => {
    expect(() => values(2, name, query)).toThrow(message);
  });
});
