import { describe, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import type { SpanRow } from "../../src/model/span-row.ts";
import { TraceCombiner } from "../../src/query/trace-combine.ts";
import { groupsOf, hex, namesOf, plainSpan, rowOf, sourceOf, TRACE_ID } from "./span-rows.ts";

const BYTES_MAX = 2 ** 30;
/** Bytes that protobuf-es reads as a dropped count (field 2 of a resource, 4 of a scope). */
const resource = (n: number, url = "") => sourceOf(`\u0010${String.fromCharCode(n)}`, url);
const scope = (n: number, url = "") => sourceOf(`\u0020${String.fromCharCode(n)}`, url);

function combined(rows: Iterable<SpanRow>, bytesMax = BYTES_MAX): TraceCombiner {
  const combiner = new TraceCombiner(TRACE_ID, bytesMax);
  combiner.addRows(rows);
  return combiner;
}

/** Groups as [resource, url, scope, url, names]. */
function shape(trace: Uint8Array): unknown[] {
  return groupsOf(trace).flatMap((group) =>
    group.scopeSpans.map((inner) => [
      group.resource?.droppedAttributesCount,
      group.schemaUrl,
      inner.scope?.droppedAttributesCount,
      inner.schemaUrl,
      inner.spans.map(({ name }) => name).join(),
    ]),
  );
}

describe("groups", () => {
  test("are those of equal bytes and URL, in the order of their first span", () => {
    const row = (id: number, r = resource(1), s = scope(1)) =>
      rowOf(plainSpan(id, { name: `${id}` }), { resource: r, scope: s });
    const rows = [
      row(1, resource(2)),
      row(2, resource(1)),
      row(3, resource(2), scope(2)),
      row(4, resource(2)),
      row(5, resource(2, "u")),
      row(6, resource(1), scope(1, "u")),
      row(7, resource(1)),
    ];
    expect(shape(combined(rows).finish())).toEqual([
      [2, "", 1, "", "1,4"],
      [2, "", 2, "", "3"],
      [1, "", 1, "", "2,7"],
      [1, "", 1, "u", "6"],
      [2, "u", 1, "", "5"],
    ]);
  });

  test("have a message also when it is empty", () => {
    const [group] = groupsOf(combined([rowOf(plainSpan(1))]).finish());
    expect(group.resource).toBeDefined();
    expect(group.scopeSpans[0].scope).toBeDefined();
  });

  test("are not mixed up when message and URL run into each other", () => {
    const one = "\u0010\u0001";
    const rows = [sourceOf(one, one), sourceOf(one + one, "")].map((source, i) =>
      rowOf(plainSpan(i + 1), { resource: source }),
    );
    expect(shape(combined(rows).finish()).length).toBe(2);
  });

  test("are none when there are no spans", () => {
    expect(combined([]).finish().length).toBe(0);
  });
});

describe("a span that comes again", () => {
  const first = rowOf(plainSpan(1, { name: "first" }));

  test("is dropped, and counted when it differs", () => {
    const other = rowOf(plainSpan(1, { name: "other" }));
    const moved = rowOf(plainSpan(1, { name: "first" }), { resource: resource(7) });
    const combiner = combined([first, first, other, moved, first]);
    expect(combiner.spans).toBe(1);
    expect(combiner.differing).toBe(2);
    expect(shape(combiner.finish())).toEqual([[0, "", 0, "", "first"]]);
  });

  test("is another one when its kind is", () => {
    const client = rowOf(plainSpan(1, { name: "client", kind: 3 }));
    const combiner = combined([first, client, first, client]);
    expect(namesOf(combiner.finish())).toEqual(["first", "client"]);
    expect(combiner.differing).toBe(0);
  });

  test("is found among many whose ids are numbered one by one", () => {
    const count = 100_000;
    const rows = function* () {
      for (let round = 0; round < 2; round++) {
        for (let id = 1; id <= count; id++) yield rowOf(plainSpan(id, { name: "" }));
      }
    };
    const combiner = combined(rows());
    expect(combiner.spans).toBe(count);
    expect(combiner.differing).toBe(0);
    expect(namesOf(combiner.finish()).length).toBe(count);
  });
});

/** Some rows with repeated ids and sources. */
function randomRows(random: Prng, count: number): SpanRow[] {
  return Array.from({ length: count }, () => {
    const url = random.below(4) === 0 ? "https://url" : "";
    const name = "n".repeat(random.below(random.below(8) === 0 ? 300 : 20));
    return rowOf(plainSpan(random.below(count), { name, kind: random.below(3) }), {
      resource: resource(1 + random.below(5), url),
      scope: scope(1 + random.below(3), url),
    });
  });
}

describe("any rows", () => {
  test("come out as a slow and plain grouping has them", () => {
    const random = prng(1);
    for (let i = 0; i < 150; i++) {
      const rows = randomRows(random, random.below(80));
      const seen = new Set<string>();
      const once = rows.filter(({ spanId, kind }) => {
        const key = `${hex(spanId)} ${kind}`;
        return !seen.has(key) && seen.add(key);
      });
      const groups = new Map<string, Map<string, string[]>>();
      for (const row of once) {
        const key = (source: SpanRow["scope"]) => `${hex(source.message)} ${hex(source.schemaUrl)}`;
        const scopes = groups.get(key(row.resource)) ?? new Map<string, string[]>();
        groups.set(key(row.resource), scopes);
        const ids = scopes.get(key(row.scope)) ?? [];
        scopes.set(key(row.scope), ids);
        ids.push(hex(row.spanId));
      }
      const expected = [...groups.values()].flatMap((scopes) => [...scopes.values()]);
      const found = groupsOf(combined(rows).finish()).flatMap(({ scopeSpans }) =>
        scopeSpans.map(({ spans }) => spans.map(({ spanId }) => hex(spanId))),
      );
      expect(found).toEqual(expected);
    }
  });

  test("come out the same by way of parts", () => {
    const random = prng(2);
    for (let i = 0; i < 150; i++) {
      const rows = randomRows(random, random.below(80));
      const split = random.below(rows.length + 1);
      const parts = [combined(rows.slice(0, split)), combined(rows.slice(split))];
      const whole = new TraceCombiner(TRACE_ID, BYTES_MAX);
      for (const part of parts) whole.addAll(part);
      expect(hex(whole.finish())).toBe(hex(combined(rows).finish()));
    }
  });

  test("never come out longer than bytesMax, and as a beginning of all", () => {
    const random = prng(3);
    let partial = 0;
    for (let i = 0; i < 300; i++) {
      const rows = randomRows(random, random.below(80));
      const all = combined(rows);
      const ids = (trace: Uint8Array) =>
        groupsOf(trace).flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans.map(({ spanId, kind }) => hex(spanId) + kind)),
        );
      const whole = all.finish();
      const bytesMax = random.below(whole.length + 200);
      const some = combined(rows, bytesMax);
      const { spans, partial: isPartial } = some;
      const trace = some.finish();
      expect(trace.length).toBeLessThanOrEqual(bytesMax);
      expect(new Set(ids(trace)).isSubsetOf(new Set(ids(whole)))).toBe(true);
      expect(ids(trace).length).toBe(spans);
      if (isPartial) partial++;
      else expect(hex(trace)).toBe(hex(whole));
    }
    expect(partial).toBeGreaterThan(100);
  });

  test("are not asked for when bytesMax is passed", () => {
    let asked = 0;
    const rows = function* () {
      for (let id = 1; ; id++) {
        asked++;
        yield rowOf(plainSpan(id));
      }
    };
    const combiner = combined(rows(), 10_000);
    expect(combiner.partial).toBe(true);
    expect(asked).toBeLessThan(400);
    expect(asked - combiner.spans).toBeLessThan(3);
  });

  test("of sources alone are bounded too", () => {
    const row = rowOf(plainSpan(1));
    const rows = function* () {
      yield row;
      for (let n = 0; ; n++) yield { ...row, resource: sourceOf("r".repeat(100), `${n}`) };
    };
    expect(combined(rows(), 100_000).partial).toBe(true);
  });
});
