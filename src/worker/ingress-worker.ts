/**
 * An ingress thread: owns listeners on every receiver's port (shared with the other ingress
 * threads by SO_REUSEPORT) and one ring.
 */
import { parentPort, workerData } from "node:worker_threads";
import { MiB } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { watchHeap } from "../base/heap-watch.ts";
import { makeLogger } from "../base/log.ts";
import { threadId } from "../base/thread-cpu.ts";
import { SMALL_IN_FLIGHT_SHARE, TENANT_IN_FLIGHT_SHARE_MAX } from "../config/limits.ts";
import { sharedBuffer } from "../kernel/kernel.ts";
import { HeldAnswers } from "../receive/held-answers.ts";
import { InFlight } from "../receive/in-flight.ts";
import { limitedSink } from "../receive/limited-sink.ts";
import { RateLimiter } from "../receive/rate-limit.ts";
import { spanLogSink } from "../receive/span-log.ts";
import { THREAD_IDS, THREAD_INGRESS } from "../ring/control.ts";
import { Ring } from "../ring/ring.ts";
import { RECORD_HEADER_BYTES } from "../wal/wal-format.ts";
import { RING_BYTES } from "./memory-plan.ts";
import { type OpenReceiver, openReceiver } from "./open-receiver.ts";
import { RingSink } from "./ring-sink.ts";
import type { IngressMessage, IngressRequest, IngressStart } from "./worker-protocol.ts";

const DRAIN_POLL_MS = 5;
const LINGER_MS = 400;
/** Of what may be in flight: some 50 ms of ingest's work. */
const REST_SHARE = 0.25;
const HELD_BYTES_MAX = 32 * MiB;

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
const spanLogs = { received: start.logReceivedSpans, discarded: start.logDiscardedSpans };
const logsSpans = spanLogs.received.enabled || spanLogs.discarded.enabled;
const sink = new RingSink({
  buffer,
  ring,
  clock: systemClock,
  limits: start.limits,
  tellsRefused: logsSpans,
  restBytes: start.inFlightBytesMax * REST_SHARE,
  onFailure: (error) => {
    throw error;
  },
});
const rates = new RateLimiter(start.rateTable, start.limits, systemClock);
// The largest request must fit, or it could never be sent.
const largest = Math.max(0, ...start.receivers.map(({ requestBytesMax }) => requestBytesMax));
const bytesMax = Math.max(largest, start.inFlightBytesMax);
const tenantShare = Math.max(largest, bytesMax * TENANT_IN_FLIGHT_SHARE_MAX);
const inFlight = new InFlight({
  bytesMax,
  tenantBytesMax: start.multitenancyEnabled ? tenantShare : undefined,
  admit: (tenant, bytes) => rates.check(tenant, bytes),
  keptBytes: Math.min(bytesMax * SMALL_IN_FLIGHT_SHARE, bytesMax - largest),
});
watchHeap();
let draining = false;
const held = new HeldAnswers(HELD_BYTES_MAX);
const receivers = await openAll();
post({
  type: "listening",
  receivers: receivers.map(({ receiver: { name, kind }, url }) => ({ name, kind, url })),
});
parentPort?.on("message", (message: IngressRequest) => {
  if (message.type === "stats") {
    post({ type: "stats", receivers: receivers.map(({ counts }) => counts.snapshot()) });
  } else if (message.type === "limits") {
    rates.setLimits(message.limits);
    sink.setLimits(message.limits);
  } else void drain();
});

async function openAll(): Promise<OpenReceiver[]> {
  const ready = () => sink.ready;
  const limited = limitedSink(sink, rates);
  const outer = logsSpans ? spanLogSink(limited, spanLogs, logger) : limited;
  const limitRest = (ms: number) => sink.limitRest(ms);
  const host = {
    ...{ start, sink: outer, inFlight, logger, draining: () => draining, held, ready, limitRest },
  };
  const open = await Promise.all(start.receivers.map((receiver) => openReceiver(receiver, host)));
  return open.filter((one) => one !== undefined);
}

/** Answers what has come, refuses what comes, and closes when nothing is under way. */
async function drain(): Promise<void> {
  draining = true;
  for (const { drain: announce } of receivers) announce?.();
  // Busy connections have their next request on the way already; it gets an answer that ends them,
  // when all who would come back are here.
  await Bun.sleep(LINGER_MS);
  for (const { close } of receivers) close?.();
  held.release();
  while (inFlight.requests > 0) await Bun.sleep(DRAIN_POLL_MS);
  await Promise.all(receivers.map((one) => one.stop()));
  post({ type: "drained" });
}

function post(message: IngressMessage): void {
  parentPort?.postMessage(message);
}
