/**
 * Tenants that use the same trace and span ids: every endpoint gives each its own, wherever the
 * spans lie. One trace is in a block with its first half and in the head with its second.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { bySpanId, fetchSpans, type SentSpan, TRACE_FORMS } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";

const TENANTS = ["a", "b"] as const;
type Tenant = (typeof TENANTS)[number];

/** In both tenants, with span ids that differ. */
const APART = "a".repeat(32);
/** In both tenants, with the same span ids. */
const ALIKE = "0000000000000000000000000000b0b0";

const TIMEOUT_MS = 60_000;

let server: Server;

beforeAll(async () => {
  server = await Server.start({ multitenancy_enabled: true });
  await send(1);
  await server.flush();
  await send(2);
}, TIMEOUT_MS);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The first or second half of what a tenant sends. */
function spansOf(tenant: Tenant, half: 1 | 2): SentSpan[] {
  const own = {
    name: `${tenant}${half}`,
    attributes: [[`of.${tenant}`, ["string", tenant]]],
    resource: [["service.name", ["string", `service-${tenant}`]]],
  } as const;
  return [
    spanOf({ ...own, traceId: APART, spanId: `${tenant}${half}` }),
    spanOf({ ...own, traceId: ALIKE, spanId: `${half}` }),
  ];
}

async function send(half: 1 | 2): Promise<void> {
  for (const tenant of TENANTS) {
    const body = requestOf(spansOf(tenant, half));
    expect((await server.send(body, { "x-scope-orgid": tenant })).status).toBe(200);
  }
}

/** Names are enough where a failure should be short; the spans are compared whole elsewhere. */
async function expectOwn(): Promise<void> {
  for (const form of TRACE_FORMS) {
    for (const traceId of [APART, ALIKE]) {
      for (const tenant of TENANTS) {
        const got = await ask(tenant, traceId, form);
        const want = ([1, 2] as const)
          .flatMap((half) => spansOf(tenant, half))
          .filter((span) => span.traceId === traceId);
        expect({ form, tenant, spans: bySpanId(got) }).toEqual({ form, tenant, spans: want });
      }
    }
    const both = await ask("a|b", APART, form);
    expect(bySpanId(both).map(({ name }) => name)).toEqual(["a1", "a2", "b1", "b2"]);
    const services = both.map(({ name, resource }) => [name[0], resource[0][1][1]]);
    expect(services.filter(([tenant, service]) => service !== `service-${tenant}`)).toEqual([]);
    expect(await ask("c", APART, form)).toEqual([]);
    expect((await ask("a|c", APART, form)).map(({ name }) => name).sort()).toEqual(["a1", "a2"]);
  }
}

async function ask(tenant: string, traceId: string, form: (typeof TRACE_FORMS)[number]) {
  const headers = { "x-scope-orgid": tenant };
  return await fetchSpans({ api: server.api, traceId, form, headers });
}

// Answers of the query API, as far as they are looked at here.
interface Answer {
  readonly traces?: readonly {
    readonly traceID: string;
    readonly serviceStats: Readonly<Record<string, unknown>>;
    readonly spanSets: readonly { readonly matched: number }[];
  }[];
  readonly scopes?: readonly { readonly name: string; readonly tags: readonly string[] }[];
  readonly tagNames?: readonly string[];
  readonly tagValues?: readonly (string | { readonly value: string })[];
  readonly series?: readonly {
    readonly labels: readonly { readonly value: { readonly stringValue: string } }[];
    readonly value?: number;
    readonly samples?: readonly { readonly value?: number }[];
  }[];
}

const IN_TIME = { start: "1699999990", end: "1700000010" };

async function answerOf(tenant: string, path: string, params: Record<string, string>) {
  const query = new URLSearchParams({ ...IN_TIME, ...params });
  const response = await server.get(`${path}?${query}`, { "x-scope-orgid": tenant });
  expect({ path, status: response.status }).toEqual({ path, status: 200 });
  return (await response.json()) as Answer;
}

/** What a reader sees of whom, by every kind of question. */
async function seenBy(reader: string) {
  const search = await answerOf(reader, "/api/search", { q: "{ }", limit: "100" });
  const names = await answerOf(reader, "/api/v2/search/tags", { scope: "span" });
  const first = await answerOf(reader, "/api/search/tags", { scope: "span" });
  const values = await answerOf(reader, "/api/v2/search/tag/resource.service.name/values", {});
  const older = await answerOf(reader, "/api/search/tag/service.name/values", {});
  const q = "{ } | count_over_time() by (resource.service.name)";
  const instant = await answerOf(reader, "/api/metrics/query", { q });
  const range = await answerOf(reader, "/api/metrics/query_range", { q, step: "20s" });
  const traces = search.traces ?? [];
  const counted = ({ series = [] }: Answer) =>
    series
      .map(({ labels, value = 0, samples = [] }) => {
        const sum = samples.reduce((all, sample) => all + (sample.value ?? 0), value);
        return `${labels[0].value.stringValue} ${sum}`;
      })
      .sort();
  return {
    services: [...new Set(traces.flatMap((trace) => Object.keys(trace.serviceStats)))].sort(),
    matched: traces.flatMap(({ spanSets }) => spanSets).reduce((sum, set) => sum + set.matched, 0),
    names: (names.scopes ?? []).flatMap(({ tags }) => [...tags]).sort(),
    namesOfV1: (first.tagNames ?? []).filter((name) => name.startsWith("of.")).sort(),
    values: (values.tagValues ?? []).map((one) => (typeof one === "string" ? one : one.value)),
    valuesOfV1: older.tagValues ?? [],
    instant: counted(instant),
    range: counted(range),
  };
}

function expectedOf(tenants: readonly string[]) {
  const services = tenants.map((tenant) => `service-${tenant}`);
  const names = tenants.map((tenant) => `of.${tenant}`);
  const counts = services.map((service) => `${service} 4`);
  return {
    ...{ services, matched: 4 * tenants.length, names, namesOfV1: names },
    ...{ values: services, valuesOfV1: services, instant: counts, range: counts },
  };
}

/** One after the other and over again: what one asked for is in no other's answer. */
async function expectOwnAnswers(): Promise<void> {
  for (const reader of ["a", "b", "a", "c", "a|b", "b", "c|b", "a|c"]) {
    const tenants = reader.split("|").filter((name) => name !== "c");
    const seen = await seenBy(reader);
    expect({ reader, ...seen }).toEqual({ reader, ...expectedOf(tenants.toSorted()) });
  }
  const other = await answerOf("a", "/api/search", { q: "{ span.of.b != nil }" });
  expect(other.traces ?? []).toEqual([]);
}

async function expectAllOwn(): Promise<void> {
  await expectOwn();
  await expectOwnAnswers();
}

describe("each tenant gets its own", () => {
  test("from a block and the head together", expectAllOwn, TIMEOUT_MS);

  test(
    "after a kill",
    async () => {
      await server.kill();
      await server.restart();
      await expectAllOwn();
    },
    TIMEOUT_MS,
  );

  test(
    "from blocks alone, and after a start on them",
    async () => {
      await server.flush();
      await expectAllOwn();
      expect(await server.stop()).toBe(0);
      await server.restart();
      await expectAllOwn();
    },
    TIMEOUT_MS,
  );
});

describe("the header", () => {
  test("is asked for on every path that shows or takes data", async () => {
    const paths = [
      ...[`/api/traces/${APART}`, `/api/v2/traces/${APART}`, "/api/search", "/api/search/tags"],
      ...["/api/v2/search/tags", "/api/search/tag/x/values", "/api/v2/search/tag/x/values"],
      ...["/api/metrics/query", "/api/metrics/query_range", "/api/v2/traces/diff"],
    ];
    for (const path of paths) {
      const { status } = await server.get(path);
      expect({ path, status }).toEqual({ path, status: 401 });
    }
    expect((await server.send(requestOf(spansOf("a", 1)))).status).toBe(401);
  });

  test("is not asked for by probes and operators", async () => {
    for (const path of ["/ready", "/metrics", "/status", "/api/echo", "/api/status/buildinfo"]) {
      expect((await server.get(path)).status).toBe(200);
    }
  });

  test("holds to Tempo's characters and lengths, and writers have one tenant", async () => {
    const bad = ["a/b", "..", "a b", "x".repeat(151), "a||b"];
    for (const tenant of bad) {
      const headers = { "x-scope-orgid": tenant };
      const { status } = await server.get(`/api/traces/${APART}`, headers);
      expect({ tenant, status }).toEqual({ tenant, status: 400 });
    }
    for (const tenant of [...bad, "a|b"]) {
      const { status } = await server.send(requestOf(spansOf("a", 1)), { "x-scope-orgid": tenant });
      expect({ tenant, status }).toEqual({ tenant, status: 400 });
    }
  });
});

test("/metrics counts by tenant", async () => {
  const text = await (await server.get("/metrics")).text();
  for (const tenant of TENANTS) {
    expect(text).toMatch(
      new RegExp(`^tempodb_blocklist_length\\{tenant="${tenant}"\\} [1-9]`, "m"),
    );
  }
});
