/**
 * An ingress thread: owns listeners on every receiver's port (shared with the other ingress
 * threads by SO_REUSEPORT) and one ring.
 */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { makeLogger } from "../base/log.ts";
import { threadId } from "../base/thread-cpu.ts";
import type { OtlpHttpReceiver } from "../config/config.ts";
import { TENANT_IN_FLIGHT_SHARE_MAX } from "../config/limits.ts";
import { sharedBuffer } from "../kernel/kernel.ts";
import { InFlight } from "../receive/in-flight.ts";
import { serveOtlpHttp } from "../receive/otlp-http-server.ts";
import { THREAD_IDS, THREAD_INGRESS } from "../ring/control.ts";
import { Ring } from "../ring/ring.ts";
import { RECORD_HEADER_BYTES } from "../wal/wal-format.ts";
import { RING_BYTES } from "./memory-plan.ts";
import { ReceiveCounts } from "./receive-counts.ts";
import { RingSink } from "./ring-sink.ts";
import type { IngressMessage, IngressRequest, IngressStart } from "./worker-protocol.ts";

const DRAIN_POLL_MS = 5;
const LINGER_MS = 100;

const start = workerData as IngressStart;
const logger = makeLogger({ ...start.log, component: "ingress" });
const buffer = sharedBuffer(start.memory);
Atomics.store(new Int32Array(buffer), THREAD_IDS + THREAD_INGRESS + start.ring, threadId());
const ring = new Ring({
  buffer,
  base: start.plan.rings[start.ring],
  capacity: RING_BYTES,
  recordHeaderBytes: RECORD_HEADER_BYTES,
});
const sink = new RingSink({
  buffer,
  ring,
  clock: systemClock,
  onFailure: (error) => {
    throw error;
  },
});
const bytesMax = start.inFlightBytesMax;
// The largest request must fit, or it could never be sent.
const largest = Math.max(...start.receivers.map(({ requestBytesMax }) => requestBytesMax));
const tenantShare = Math.max(largest, bytesMax * TENANT_IN_FLIGHT_SHARE_MAX);
const inFlight = new InFlight({
  bytesMax,
  tenantBytesMax: start.multitenancyEnabled ? tenantShare : undefined,
});
let draining = false;
const listeners = start.receivers.map(listen);
post({
  type: "listening",
  receivers: listeners.map(({ counts, server }) => ({ name: counts.name, url: `${server.url}` })),
});
parentPort?.on("message", (message: IngressRequest) => {
  if (message.type === "stats") {
    post({ type: "stats", receivers: listeners.map(({ counts }) => counts.snapshot()) });
  } else void drain();
});

function listen(receiver: OtlpHttpReceiver) {
  const counts = new ReceiveCounts(receiver.name, "http");
  const options = {
    hostname: receiver.listenAddress,
    port: receiver.listenPort,
    idleTimeoutSeconds: start.idleTimeoutSeconds,
    tracesUrlPath: receiver.tracesUrlPath,
    requestBytesMax: receiver.requestBytesMax,
    bodyTimeoutMs: start.bodyTimeoutMs,
    multitenancyEnabled: start.multitenancyEnabled,
  };
  const parts = { sink, meter: counts, inFlight, logger, draining: () => draining };
  return { counts, server: Bun.serve(serveOtlpHttp(options, parts)) };
}

/** Answers what has come, refuses what comes, and closes when nothing is under way. */
async function drain(): Promise<void> {
  draining = true;
  // Busy connections have their next request on the way already; it gets an answer that ends them.
  await Bun.sleep(LINGER_MS);
  while (inFlight.requests > 0) await Bun.sleep(DRAIN_POLL_MS);
  for (const { server } of listeners) await server.stop();
  post({ type: "drained" });
}

function post(message: IngressMessage): void {
  parentPort?.postMessage(message);
}
