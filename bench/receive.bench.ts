/**
 * What it costs to receive a request of 500 spans, by encoding: CPU of a server process whose sink
 * copies into a ring of 8 MiB and answers at once. "floor" is the runtime's
 * server, which reads the body and does nothing else.
 *
 *   bun bench/receive.bench.ts [rounds]
 *
 * Sketch: 154 KB through a socket are two copies and some 40 µs, the sink's copy is 10 µs more,
 * all else 5 µs; gzip decodes 1.4 GB/s. Rounds are interleaved and medians taken, as the machine
 * is shared.
 */
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { compressSync } from "snappy";
import { makeLogger } from "../src/base/log.ts";
import { listenHttp1 } from "../src/receive/http1-server.ts";
import { InFlight } from "../src/receive/in-flight.ts";
import { otlpHttp } from "../src/receive/otlp-http.ts";
import type { Verdict } from "../src/receive/receive.ts";
import { encodeLz4 } from "../test/receive/lz4-encode.ts";
import { hold, median } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";

const SPANS = 500;
const CLIENTS = 8;
const REQUESTS_A_ROUND = 1500;

if (process.argv[2] === "serve") serve();
else await measure(Number(process.argv[2] ?? 7));

/** Answers each line on standard input with the CPU time spent so far, in µs. */
function serve(): void {
  const ring = new Uint8Array(new SharedArrayBuffer(8 << 20));
  let at = 0;
  const rejected = {
    invalidTraceId: 0,
    invalidSpanId: 0,
    invalidUtf8: 0,
    overLimit: 0,
    traceTooLarge: 0,
    liveTraces: 0,
  };
  const verdict: Verdict = { outcome: "stored", accepted: SPANS, rejected };
  const receiver = listenHttp1(
    otlpHttp({ tracesUrlPath: "/v1/traces", requestBytesMax: 20 << 20 }),
    {
      ...{ hostname: "127.0.0.1", port: 0, idleTimeoutSeconds: 30 },
      ...{ requestBytesMax: 20 << 20, bodyTimeoutMs: 30_000, multitenancyEnabled: false },
      connectionsMax: 100,
    },
    {
      sink: {
        offer(_tenant, request) {
          if (at + request.byteLength > ring.byteLength) at = 0;
          ring.set(request, at);
          at += request.byteLength;
          return Promise.resolve(verdict);
        },
      },
      meter: { stored: () => {}, refused: () => {} },
      inFlight: new InFlight({ bytesMax: 64 << 20, tenantBytesMax: undefined }),
      logger: makeLogger({ level: "info", format: "logfmt", component: "bench" }),
      draining: () => false,
    },
  );
  const floor = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      await request.bytes();
      return new Response(null);
    },
  });
  process.stdout.write(`${floor.port} ${receiver.port}\n`);
  process.stdin.on("data", () => {
    const { user, system } = process.cpuUsage();
    process.stdout.write(`${user + system}\n`);
  });
}

async function measure(rounds: number): Promise<void> {
  const env = { ...process.env, MIMALLOC_PURGE_DELAY: "-1" }; // as base/runtime-memory.ts has it
  const cmd = [process.execPath, import.meta.path, "serve"];
  const child = Bun.spawn({ cmd, env, stdin: "pipe", stdout: "pipe" });
  const reader = child.stdout.getReader();
  const line = async () => new TextDecoder().decode((await reader.read()).value).trim();
  const answer = async () => Number(await line());
  const [floor, receiver] = (await line()).split(" ").map((port) => `http://127.0.0.1:${port}`);
  const cpu = () => {
    child.stdin.write("?\n");
    void child.stdin.flush();
    return answer();
  };
  const batches = shopBatches({ seed: 5, batches: 16, spans: SPANS });
  const cases = [
    { name: "floor", encoding: "", bodies: batches },
    { name: "identity", encoding: "identity", bodies: batches },
    { name: "gzip", encoding: "gzip", bodies: batches.map((one) => gzipSync(one)) },
    { name: "zlib", encoding: "zlib", bodies: batches.map((one) => deflateSync(one)) },
    { name: "zstd", encoding: "zstd", bodies: batches.map((one) => zstdCompressSync(one)) },
    { name: "snappy", encoding: "snappy", bodies: batches.map((one) => compressSync(one)) },
    { name: "lz4", encoding: "lz4", bodies: batches.map((one) => encodeLz4(one)) },
  ].map((one) => ({ ...one, bodies: one.bodies.map((body) => Buffer.from(body)), us: [0] }));

  for (let round = -1; round < rounds; round++) {
    for (const one of cases) {
      const target = one.encoding === "" ? floor : `${receiver}/v1/traces`;
      const before = await cpu();
      await send(target, one);
      const us = ((await cpu()) - before) / REQUESTS_A_ROUND;
      if (round < 0) one.us = [];
      else one.us.push(us);
    }
  }
  child.kill();
  for (const { name, bodies, us } of cases) {
    const each = median(us);
    const low = Math.min(...us);
    const text = `${each.toFixed(0)} µs CPU a request (least ${low.toFixed(0)})`;
    const span = (each / SPANS).toFixed(3);
    if (name === "identity" || name === "gzip") hold(`receive_${name}_us`, each, "µs/request");
    console.log(`${name.padEnd(9)} ${bodies[0].length} B: ${text}, ${span} a span`);
  }
}

async function send(
  url: string,
  { encoding, bodies }: { encoding: string; bodies: readonly Buffer<ArrayBuffer>[] },
): Promise<void> {
  const headers: Record<string, string> = { "content-type": "application/x-protobuf" };
  if (encoding !== "" && encoding !== "identity") headers["content-encoding"] = encoding;
  let left = REQUESTS_A_ROUND;
  const client = async () => {
    while (left-- > 0) {
      const body = bodies[left % bodies.length];
      const response = await fetch(url, { method: "POST", headers, body });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}
