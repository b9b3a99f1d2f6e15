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
import { Bucket } from "../support/bucket.ts";
import { minioTool } from "../support/minio.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { flatTrace, SentTraces } from "../support/sent-traces.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const TENANT = "single-tenant";
const TIMEOUT_MS = 120_000;
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

/** Resolves when nothing waits for the bucket any more. */
async function uploaded(server: Server): Promise<void> {
  let left = "";
  const nothing = async () => {
    const text = await (await server.get("/metrics")).text();
    left = /^vivace_store_pending_blocks (\d+)$/m.exec(text)?.[1] ?? "?";
    const flushed = /^tempo_live_store_local_blocks_flushed_total (\d+)$/m.exec(text)?.[1];
    return left === "0" && flushed !== "0";
  };
  await waitFor(nothing, () => `${left} blocks wait:\n${server.log}`, TIMEOUT_MS);
}

async function counted(server: Server): Promise<number> {
  const q = encodeURIComponent("{ } | count_over_time()");
  const response = await server.get(`/api/metrics/query?q=${q}&start=1&end=4000000000`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`test: ${response.status} ${text}`);
  const { series } = JSON.parse(text) as { series?: { value?: number }[] };
  return series?.[0]?.value ?? 0;
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
    const spans = await counted(writer);
    await waitFor(
      async () => (await counted(reader)) === spans,
      () => "the other process does not see the blocks",
    );
    expect(await story.found(reader)).toEqual(story.expected());
    // Not a file is left of what the process had.
    await writer.stop();
    for (const name of readdirSync(writer.blocksFolder)) {
      if (name !== "vivace.lock") rmSync(join(writer.blocksFolder, name), { recursive: true });
    }
    await writer.restart();
    expect(await story.found(writer)).toEqual(story.expected());
    expect(await counted(writer)).toBe(spans);
  }, 300_000);
});
