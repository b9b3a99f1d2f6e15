/**
 * Rules of retention in the running server, on the local disk and in a bucket: which traces go, and
 * that the others stay whole.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Bucket } from "../support/bucket.ts";
import { EAGER_COMPACTION, metric } from "../support/compaction.ts";
import { minioTool } from "../support/minio.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server, type ServerSettings } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const DAY = 86_400_000;
const TIMEOUT_MS = 120_000;

const RULES = {
  ...EAGER_COMPACTION,
  "vivace.retention_rules": [
    { filter: "{ status = error }", keep: "90d" },
    { filter: '{ resource.service.name = "health" }', keep: "1d" },
  ],
  "backend_scheduler.provider.compaction.compaction.block_retention": "336h",
};

interface Kind {
  readonly trace: string;
  readonly services: readonly string[];
  readonly isError?: boolean;
}

const KINDS: readonly Kind[] = [
  { trace: "a1", services: ["shop", "shop"] },
  { trace: "a2", services: ["health", "health"] },
  { trace: "a3", services: ["shop", "health"] },
  { trace: "a4", services: ["health"], isError: true },
  { trace: "a5", services: ["shop", "health", "shop"], isError: true },
];

function requestAt(ageMs: number, kinds: readonly Kind[]): Uint8Array<ArrayBuffer> {
  const start = String((Date.now() - ageMs) * 1_000_000);
  return requestOf(
    kinds.flatMap(({ trace, services, isError }) =>
      services.map((service, i) =>
        spanOf({
          traceId: trace,
          spanId: `${i + 1}`,
          start,
          end: start,
          status: [isError && i === 0 ? 2 : 0, ""],
          resource: [["service.name", ["string", service]]],
        }),
      ),
    ),
  );
}

/** Spans by trace, of those that are there. */
async function left(server: Server, headers: Record<string, string> = {}) {
  const found: Record<string, number> = {};
  for (const { trace } of KINDS) {
    const response = await server.get(`/api/traces/${trace.padStart(32, "0")}`, {
      accept: "application/json",
      ...headers,
    });
    const text = await response.text();
    if (response.status === 404) continue;
    expect(response.status).toBe(200);
    found[trace] = text.split('"spanId"').length - 1;
  }
  return found;
}

/** Of a bucket they are told now and then. */
async function counts(server: Server, name: string, wanted: number): Promise<void> {
  let found = 0;
  await waitFor(
    async () => {
      found = await metric(server, name);
      return found === wanted;
    },
    () => `${name} is ${found}, not ${wanted}\n${server.log}`,
    30_000,
  );
}

async function becomes(server: Server, wanted: Record<string, number>): Promise<void> {
  let found = {};
  await waitFor(
    async () => {
      found = await left(server);
      return JSON.stringify(found) === JSON.stringify(wanted);
    },
    () => `${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}\n${server.log}`,
    60_000,
  );
}

function tests(place: () => ServerSettings): void {
  test(
    "traces go by the longest of the rules that find one of their spans",
    async () => {
      await using server = await Server.start({ ...RULES, ...place() });
      await server.send(requestAt(2 * DAY, KINDS));
      await server.flush();
      await becomes(server, { a1: 2, a3: 2, a4: 1, a5: 3 });
      await counts(server, "vivace_retention_spans_total", 2);
      await server.kill();
      await server.restart();
      expect(await left(server)).toEqual({ a1: 2, a3: 2, a4: 1, a5: 3 });
    },
    TIMEOUT_MS,
  );

  test(
    "what no rule finds goes with its tenant's time, blocks past all times go whole",
    async () => {
      await using server = await Server.start({ ...RULES, ...place() });
      await server.send(requestAt(20 * DAY, KINDS));
      await server.flush();
      await becomes(server, { a4: 1, a5: 3 });
      await server.send(requestAt(100 * DAY, [{ trace: "a1", services: ["shop"], isError: true }]));
      await server.flush();
      await becomes(server, { a4: 1, a5: 3 });
      await counts(server, "tempodb_retention_deleted_total", 1);
    },
    TIMEOUT_MS,
  );

  test(
    "a tenant may have a time of its own",
    async () => {
      const multi = { ...EAGER_COMPACTION, ...place(), multitenancy_enabled: true };
      await using server = await Server.start({
        ...multi,
        "overrides.per_tenant_override_config": "/dev/null",
      });
      await server.stop();
      const file = join(server.folder, "overrides.yaml");
      writeFileSync(file, "overrides: { short: { compaction: { block_retention: 1d } } }\n");
      const config = (await Bun.file(server.configFile).text()).replaceAll("/dev/null", file);
      writeFileSync(server.configFile, config);
      await server.restart();
      // Both lie in one block, which goes on without the one's spans.
      for (const tenant of ["short", "long"]) {
        await server.send(requestAt(2 * DAY, KINDS), { "x-scope-orgid": tenant });
      }
      await server.flush();
      await waitFor(
        async () => (await metric(server, "vivace_block_rows")) === 10,
        () => `rows stay\n${server.log}`,
      );
      expect(await left(server, { "x-scope-orgid": "short" })).toEqual({});
      expect(Object.keys(await left(server, { "x-scope-orgid": "long" })).length).toBe(5);
    },
    TIMEOUT_MS,
  );
}

describe("on the local disk", () => tests(() => ({})));

const isLeftOut = leftOut(minioTool);

describe.skipIf(isLeftOut)(titled("in a bucket", minioTool), () => {
  let bucket: Bucket;
  let count = 0;
  beforeAll(async () => {
    if (!isLeftOut) bucket = await Bucket.start();
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => {
    await bucket?.[Symbol.asyncDispose]();
  });

  tests(() => ({
    ...bucket.settings,
    "storage.trace.s3.prefix": `retention-${++count}`,
    "backend_scheduler.provider.compaction.compaction.compacted_block_retention": "2s",
  }));
});
