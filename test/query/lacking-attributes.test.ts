/**
 * What is said of spans that lack an attribute, and of questions that find none, as Tempo 3 says
 * it: each expectation here was taken from one.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server } from "../support/server.ts";

/** Unix seconds. */
const START = 1_700_000_040;

interface Label {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

type Attributes = NonNullable<Parameters<typeof spanOf>[0]["attributes"]>;

let server: Server;

beforeAll(async () => {
  server = await Server.start();
  const span = (id: number, attributes: Attributes) =>
    spanOf({
      traceId: id.toString(16),
      spanId: "1",
      start: `${START + 1}000000000`,
      end: `${START + 2}000000000`,
      attributes,
      resource: [["service.name", ["string", "shop"]]],
    });
  const spans = [
    span(1, [["http.route", ["string", "/cart"]]]),
    span(2, [["db.system", ["string", "redis"]]]),
    span(3, []),
  ];
  expect((await server.send(requestOf(spans))).status).toBe(200);
  await server.flush();
});

afterAll(() => server[Symbol.asyncDispose]());

async function ask(path: string, params: Record<string, string>): Promise<unknown> {
  const all = { start: String(START), end: String(START + 60), ...params };
  const response = await server.get(`${path}?${new URLSearchParams(all)}`);
  expect(response.status).toBe(200);
  return await response.json();
}

/** Labels and value of each series. */
async function series(q: string): Promise<string[]> {
  const body = (await ask("/api/metrics/query", { q })) as {
    readonly series?: readonly { readonly labels: readonly Label[]; readonly value?: number }[];
  };
  return (body.series ?? [])
    .map(({ labels, value = 0 }) =>
      [...labels.map((label) => `${label.key}=${label.value.stringValue}`), value].join(" "),
    )
    .toSorted();
}

describe("labels", () => {
  test("are left out, but the first where all are", async () => {
    expect(await series("{ } | count_over_time() by (span.db.system, span.db.name)")).toEqual([
      "span.db.system=nil 2",
      "span.db.system=redis 1",
    ]);
  });

  test("are the text nil where Tempo has a column", async () => {
    expect(await series("{ } | count_over_time() by (span.db.system, span.http.route)")).toEqual([
      "span.db.system=redis span.http.route=nil 1",
      "span.http.route=/cart 1",
      "span.http.route=nil 1",
    ]);
  });
});

describe("a count without spans", () => {
  test.each([
    ['{ name = "never" } | rate()', ["__name__=rate 0"]],
    ['{ name = "never" } | count_over_time()', ["__name__=count_over_time 0"]],
    ['({ name = "never" } | rate()) / ({ } | rate())', ["__name__=(rate / rate) 0"]],
    ['{ name = "never" } | rate() by (name)', []],
    ['{ name = "never" } | max_over_time(duration)', []],
    ['{ name = "never" } | histogram_over_time(duration)', []],
  ])("%s", async (q, expected) => {
    expect(await series(q)).toEqual(expected);
  });
});

test("a search shows the text nil of selected attributes that Tempo has columns for", async () => {
  const q = "{ } | select(span.http.route, span.db.system, resource.k8s.pod.name)";
  const body = (await ask("/api/search", { q })) as {
    readonly traces: readonly {
      readonly traceID: string;
      readonly spanSet: { readonly spans: readonly { readonly attributes: readonly Label[] }[] };
    }[];
  };
  const shown = body.traces.map(({ traceID, spanSet }) => {
    const [{ attributes }] = spanSet.spans;
    return [traceID, ...attributes.map(({ key, value }) => `${key}=${value.stringValue}`)];
  });
  expect(shown.toSorted((a, b) => (a[0] < b[0] ? -1 : 1))).toEqual([
    ["1", "http.route=/cart", "k8s.pod.name=nil"],
    ["2", "http.route=nil", "db.system=redis", "k8s.pod.name=nil"],
    ["3", "http.route=nil", "k8s.pod.name=nil"],
  ]);
});
