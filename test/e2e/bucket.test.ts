/** Blocks in a bucket of a real MinIO, seen by two processes. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { FaultProxy, randomPlan } from "../fault/fault-proxy.ts";
import { Bucket, uploaded } from "../support/bucket.ts";
import { minioTool } from "../support/minio.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { flatTrace, SentTraces } from "../support/sent-traces.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const TENANT = "single-tenant";
const isLeftOut = leftOut(minioTool);
let bucket: Bucket;

beforeAll(async () => {
  if (!isLeftOut) bucket = await Bucket.start();
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await bucket?.[Symbol.asyncDispose]();
});

/** Traces that grow request by request, and what a server must say of each. */
class Story {
  readonly #generator: OtlpGenerator;
  readonly #sent = new SentTraces();

  constructor(seed: number, traces: number) {
    this.#generator = new OtlpGenerator(prng(seed), traces);
  }

  async send(server: Server, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const request: ExportTraceServiceRequest = this.#generator.request();
      const body = new Uint8Array(toBinary(ExportTraceServiceRequestSchema, request));
      const response = await server.send(body);
      expect(response.status).toBe(200);
      await response.arrayBuffer();
      this.#sent.add(request, TENANT);
    }
  }

  /** By trace id. */
  expected(): Map<string, readonly string[]> {
    const { traceIds } = this.#generator;
    return new Map(traceIds.map((id) => [id.toHex(), this.#sent.trace(TENANT, id) ?? []]));
  }

  async found(server: Server): Promise<Map<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    for (const id of this.#generator.traceIds) {
      const accept = "application/protobuf";
      const response = await server.get(`/api/traces/${id.toHex()}`, { accept });
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.status !== 200 && response.status !== 404) {
        throw new Error(`test: ${response.status} ${new TextDecoder().decode(bytes)}`);
      }
      found.set(id.toHex(), response.status === 404 ? [] : flatTrace(bytes));
    }
    return found;
  }
}

/** Resolves when the server says of all traces what it must; another process hears of them late. */
async function agrees(server: Server, story: Story): Promise<void> {
  const expected = JSON.stringify([...story.expected()]);
  await waitFor(
    async () => JSON.stringify([...(await story.found(server))]) === expected,
    () => `the other process does not see the blocks:\n${server.log}`,
    60_000,
  );
}

describe.skipIf(isLeftOut)(titled("blocks in a bucket", minioTool), () => {
  test("are the same for their writer, for another process, and after a restart", async () => {
    await using writer = await Server.start(bucket.settings);
    await using reader = await Server.start(bucket.settings);
    const story = new Story(31, 9);
    for (let part = 0; part < 3; part++) {
      await story.send(writer, 30);
      expect(await story.found(writer)).toEqual(story.expected());
      await writer.flush();
      // While blocks move from the disk into the bucket.
      for (let look = 0; look < 3; look++) {
        expect(await story.found(writer)).toEqual(story.expected());
      }
    }
    await uploaded(writer);
    await agrees(reader, story);
    // Not a file is left of what the process had.
    await writer.stop();
    for (const name of readdirSync(writer.blocksFolder)) {
      if (name !== "vivace.lock") rmSync(join(writer.blocksFolder, name), { recursive: true });
    }
    await writer.restart();
    expect(await story.found(writer)).toEqual(story.expected());
  }, 300_000);

  test("wait on the disk while the store is away, as many as may, and catch up", async () => {
    await using proxy = await FaultProxy.start(bucket.minio.port);
    await using server = await Server.start({
      ...bucket.settingsBy(proxy.endpoint),
      "storage.trace.s3.prefix": "away",
      "storage.trace.s3.retry_max_attempts": 2,
      "vivace.upload_backlog_bytes_max": "1",
    });
    const story = new Story(32, 5);
    proxy.plan = () => "dropped";
    await story.send(server, 20);
    await server.flush();
    expect(await story.found(server)).toEqual(story.expected());
    const refusal = async () => await server.send(new Uint8Array(0));
    await waitFor(
      async () => (await refusal()).status === 503,
      () => "requests are taken without bound",
    );
    expect(Number((await refusal()).headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await server.get("/ready")).status).toBe(503);
    // A start goes on without the store, and shows what is on the disk when it is ready.
    await server.kill();
    const restarted = server.restart();
    await waitFor(
      () => server.log.includes("store cannot be read"),
      () => `nothing is said of the store:\n${server.log}`,
    );
    proxy.plan = () => undefined;
    await restarted;
    await uploaded(server);
    expect(await story.found(server)).toEqual(story.expected());
    await waitFor(
      async () => (await refusal()).status === 200,
      () => "requests stay refused",
    );
    await story.send(server, 10);
    expect(await story.found(server)).toEqual(story.expected());
  }, 300_000);

  test("come through a network that fails three times in ten", async () => {
    await using proxy = await FaultProxy.start(bucket.minio.port);
    const settings = {
      ...bucket.settingsBy(proxy.endpoint),
      "storage.trace.s3.prefix": "faults",
      "storage.trace.s3.retry_backoff_initial": "5ms",
      "storage.trace.s3.retry_backoff_max": "50ms",
    };
    const faults = ["500", "503", "500 after", "dropped", "lost", "cut", "slow"] as const;
    proxy.plan = randomPlan(5, 0.3, faults);
    await using writer = await Server.start(settings);
    await using reader = await Server.start(settings);
    const story = new Story(33, 7);
    for (let part = 0; part < 4; part++) {
      await story.send(writer, 20);
      await writer.flush();
      expect(await story.found(writer)).toEqual(story.expected());
    }
    await uploaded(writer);
    await agrees(reader, story);
    expect(proxy.seen.filter(({ fault }) => fault !== undefined).length).toBeGreaterThan(10);
  }, 300_000);
});
