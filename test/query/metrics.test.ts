/** Metrics of the real server over spans whose numbers are known, in the head and in blocks. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentAttributes, SentSpan } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";

/** Unix seconds, a whole minute. */
const START = 1_700_000_040;
const MINUTES = 3;
/** More than are told apart by a table, and than are compared by slot at once. */
const MANY = 6000;

interface Labelled {
  readonly key: string;
  readonly value: Record<string, unknown>;
}
interface SeriesBody {
  readonly labels?: readonly Labelled[];
  readonly samples?: readonly { readonly timestampMs: string; readonly value?: number }[];
  readonly value?: number;
  readonly exemplars?: readonly {
    readonly labels: readonly Labelled[];
    readonly value?: number;
    readonly timestampMs: string;
  }[];
}
interface Body {
  readonly series?: readonly SeriesBody[];
  readonly status?: string;
  readonly message?: string;
}

let server: Server;
beforeAll(async () => {
  server = await Server.start();
  const [first, ...rest] = requests();
  await send(first);
  // Traces of the other requests go on in the head.
  await server.flush();
  for (const spans of rest) await send(spans);
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function send(spans: readonly SentSpan[]): Promise<void> {
  const response = await server.send(requestOf(spans));
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

/**
 * Of each trace two spans a second apart: a server of service a and its client child of service b,
 * which fails in every tenth trace. The first request has the servers of the first minute.
 */
function requests(): SentSpan[][] {
  const servers: SentSpan[] = [];
  const clients: SentSpan[] = [];
  for (let i = 0; i < MANY; i++) {
    const startMs = START * 1000 + 1 + Math.floor((i * (MINUTES * 60_000 - 2000)) / MANY);
    const traceId = (i + 1).toString(16);
    const span = (service: string, lengthMs: number, own: Partial<SentSpan>) => {
      const fromMs = service === "a" ? startMs : startMs + 1000;
      return spanOf({
        ...{ traceId, spanId: "1", start: nanos(fromMs), end: nanos(fromMs + lengthMs) },
        resource: [["service.name", ["string", service]]],
        ...own,
      });
    };
    const attributes: SentAttributes = [
      ["unique", ["int", String(i)]],
      ["user", ["string", `user-${i % 900}`]],
      ["code", i % 2 === 0 ? ["int", "200"] : ["string", "200"]],
      ["share", ["double", 0.25]],
    ];
    servers.push(span("a", 8, { name: "GET", kind: 2, attributes }));
    const status = i % 10 === 0 ? ([2, "broken"] as const) : ([0, ""] as const);
    const events = i % 4 === 0 ? [{ time: nanos(startMs), name: "retry", attributes: [] }] : [];
    const child = { name: "call", kind: 3, spanId: "2", parentSpanId: "1".padStart(16, "0") };
    clients.push(span("b", 3, { ...child, status, events }));
  }
  const half = servers.length / 2;
  return [servers.slice(0, half), clients.slice(0, half), servers.slice(half), clients.slice(half)];
}

function nanos(ms: number): string {
  return `${ms}000000`;
}

async function range(query: string, more: Record<string, string> = {}): Promise<Body> {
  return await ask("query_range", { q: query, step: "60s", ...more });
}

async function ask(path: string, params: Record<string, string>): Promise<Body> {
  const all = { start: String(START), end: String(START + MINUTES * 60), ...params };
  const response = await server.get(`/api/metrics/${path}?${new URLSearchParams(all)}`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text) as Body;
}

/** By labels the values of the minutes; the slot before the first is empty and left out. */
function minutes({ series = [] }: Body): Record<string, number[]> {
  return Object.fromEntries(
    series.map(({ labels, samples = [] }) => [
      name(labels),
      samples.slice(-MINUTES).map(({ value = 0 }) => value),
    ]),
  );
}

async function instant(query: string): Promise<Record<string, number>> {
  const { series = [] } = await ask("query", { q: query });
  return Object.fromEntries(series.map(({ labels, value = 0 }) => [name(labels), value]));
}

function name(labels: readonly Labelled[] = []): string {
  return labels
    .map(({ key, value }) => {
      const [[type, content]] = Object.entries(value);
      return `${key}=${type === "stringValue" ? content : `${type}:${content}`}`;
    })
    .join(" ");
}

const sum = (numbers: readonly number[] = []) => numbers.reduce((a, b) => a + b, 0);

for (const where of ["head and block", "blocks"]) {
  describe(where, () => {
    beforeAll(async () => {
      if (where === "blocks") await server.flush();
    });

    test("counts by service, minute by minute", async () => {
      const counts = minutes(await range("{ } | count_over_time() by (resource.service.name)"));
      expect(Object.keys(counts)).toEqual(["resource.service.name=a", "resource.service.name=b"]);
      expect(Object.values(counts).map(sum)).toEqual([MANY, MANY]);
      const rates = minutes(await range("{ } | rate() by (resource.service.name)"));
      for (const [key, values] of Object.entries(counts)) {
        expect(values.every((value) => value > 1900 && value < 2100)).toBe(true);
        expect(rates[key]).toEqual(values.map((value) => value / 60));
      }
    });

    test("counts what is found across a trace that lies in two places", async () => {
      const found = await instant('{ resource.service.name = "a" } > { status = error } | rate()');
      expect(found).toEqual({ "__name__=rate": MANY / 10 / (MINUTES * 60) });
    });

    test("tells values of different types apart, and calls what is absent nil", async () => {
      expect(await instant("{ } | count_over_time() by (span.code)")).toEqual({
        "span.code=intValue:200": MANY / 2,
        "span.code=200": MANY / 2,
        "span.code=nil": MANY,
      });
      expect(await instant("{ } | count_over_time() by (span.code, kind)")).toEqual({
        "span.code=intValue:200 kind=server": MANY / 2,
        "span.code=200 kind=server": MANY / 2,
        "kind=client": MANY,
      });
    });

    test("groups by events, by the root and by what many spans share", async () => {
      expect(await instant("{ } | count_over_time() by (event:name)")).toEqual({
        "event:name=": MANY * 2 - MANY / 4,
        "event:name=retry": MANY / 4,
      });
      expect(await instant("{ } | count_over_time() by (rootName, span.share)")).toEqual({
        "rootName=GET span.share=doubleValue:0.25": MANY,
        "rootName=GET": MANY,
      });
    });

    test("takes values of durations in seconds, and passes over spans without any", async () => {
      expect(await instant("{ } | max_over_time(duration) by (name)")).toEqual({
        "name=GET": 0.008,
        "name=call": 0.003,
      });
      // To the last bit: thousandths of a second, as doubles, would come to something else.
      expect(await instant("{ } | sum_over_time(duration) by (name)")).toEqual({
        "name=GET": (MANY * 8) / 1000,
        "name=call": (MANY * 3) / 1000,
      });
      expect(await instant("{ } | avg_over_time(duration) by (name)")).toEqual({
        "name=GET": 0.008,
        "name=call": 0.003,
      });
      expect(await instant("{ } | sum_over_time(span.share)")).toEqual({
        "__name__=sum_over_time": MANY / 4,
      });
      expect(await instant("{ } | avg_over_time(span.unique)")).toEqual({
        "__name__=avg_over_time": (MANY - 1) / 2,
      });
      expect(await instant("{ } | quantile_over_time(duration, 1) by (kind)")).toEqual({
        "kind=client p=doubleValue:1": 2 ** 22 / 1e9,
        "kind=server p=doubleValue:1": 2 ** 23 / 1e9,
      });
      expect(await instant("{ } | histogram_over_time(span.share)")).toEqual({
        "__bucket=doubleValue:0.25": MANY,
      });
    });

    test("keeps the most of many series, and cuts what are too many", async () => {
      const top = await instant("{ } | max_over_time(span.unique) by (span.unique) | topk(2)");
      expect(top).toEqual({
        [`span.unique=intValue:${MANY - 1}`]: MANY - 1,
        [`span.unique=intValue:${MANY - 2}`]: MANY - 2,
      });
      const query = "{ span.user != nil } | count_over_time() by (span.user, span.unique)";
      const cut = await range(query, { maxSeries: "7" });
      expect([cut.status, cut.series?.length]).toEqual(["PARTIAL", 7]);
      expect(cut.message).toContain("exceeds maximum series limit of 7");
    });

    test("reckons with series", async () => {
      const share = "({ status = error } | count_over_time()) / ({ kind = client } | rate())";
      const values = minutes(await range(share));
      expect(Object.keys(values)).toEqual(["__name__=(count_over_time / rate)"]);
      for (const value of Object.values(values)[0]) expect(value).toBeCloseTo(6, 1);
      expect(await instant("{ } | count_over_time() by (kind) > 1e9")).toEqual({});
    });

    test("compares few values and many", async () => {
      const found = await instant("{ } | compare({ span.unique < 30 || status = error }, 2)");
      expect(found["__meta_type=selection kind=client"]).toBe(MANY / 10);
      expect(found["__meta_type=baseline_total span.user=nil"]).toBe(MANY - 30);
      expect(found["__meta_type=selection_total span.user=nil"]).toBe(30);
      // Users 30 to 599 have seven spans there each, and the lesser names come first.
      const users = Object.entries(found).filter(([key]) => key.includes("baseline span.user="));
      expect(users).toEqual([
        ["__meta_type=baseline span.user=user-100", 7],
        ["__meta_type=baseline span.user=user-101", 7],
      ]);
      const unique = Object.entries(found).filter(([key]) => key.includes("span.unique=intValue"));
      expect(unique.map(([, count]) => count)).toEqual([1, 1, 1, 1]);
      const selected = unique.filter(([key]) => key.includes("=selection"));
      expect(selected.map(([key]) => key.split(":").at(-1))).toEqual(["0", "1"]);
    });

    test("shows exemplars of different traces all over the time", async () => {
      const { series = [] } = await range("{ status = error } | rate() by (name)", {
        exemplars: "6",
      });
      const exemplars = series.flatMap((one) => one.exemplars ?? []);
      const labels = exemplars.map((one) => new Map(one.labels.map((l) => [l.key, l.value])));
      expect(exemplars).toHaveLength(6);
      expect(new Set(labels.map((own) => own.get("trace:id")?.["stringValue"])).size).toBe(6);
      expect(new Set(labels.map((own) => own.get("status")?.["stringValue"]))).toEqual(
        new Set(["error"]),
      );
      const of = exemplars.map(({ timestampMs }) => (Number(timestampMs) / 1000 - START) / 60);
      expect(new Set(of.map(Math.floor))).toEqual(new Set([0, 1, 2]));
      const [{ value }] = exemplars;
      expect(series[0].samples?.some((sample) => sample.value === value)).toBe(true);
      expect(
        (await range("{ } | rate() with (exemplars=false)")).series?.[0].exemplars ?? [],
      ).toEqual([]);
    });

    test("shows exemplars that have a value, each with its own", async () => {
      const values = "{ } | max_over_time(span.code)";
      const { series = [] } = await range(values, { exemplars: "6" });
      const { exemplars = [] } = series[0];
      expect(exemplars.map(({ value }) => value)).toEqual([200, 200, 200, 200, 200, 200]);
      const codes = exemplars.map(
        (one) => one.labels.find(({ key }) => key === "span.code")?.value,
      );
      expect(new Set(codes.map((code) => code?.["intValue"]))).toEqual(new Set(["200"]));
    });

    test("refuses what would give other numbers than it says", async () => {
      await expect(range("{ } | rate() with (extrapolate=true)")).rejects.toThrow(
        /^400 .*extrapol/,
      );
      await expect(range("{ } | sort(duration desc, 3) | rate()")).rejects.toThrow(/^400 .*sort/);
    });
  });
}
