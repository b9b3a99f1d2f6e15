/**
 * Vivace: reads its configuration, takes its folders, starts the engine and the HTTP API, and
 * stops them in order when it is told to.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { apiCalls } from "./api/api-calls.ts";
import { type ApiListener, listenApi } from "./api/api-listener.ts";
import type { ApiOptions, ApiParts } from "./api/api-parts.ts";
import { apiServer } from "./api/api-server.ts";
import { HeldAnswers } from "./api/api-stream.ts";
import type { EngineSnapshot, StoreCounts, TenantCounts } from "./api/engine-snapshot.ts";
import { EngineMetrics } from "./api/metrics.ts";
import type { PortTls } from "./api/shared-port.ts";
import { systemClock } from "./base/clock.ts";
import { EngineError } from "./base/error.ts";
import { lockFolder } from "./base/file-lock.ts";
import { watchHeap } from "./base/heap-watch.ts";
import { type Logger, makeLogger } from "./base/log.ts";
import { prng } from "./base/prng.ts";
import { settleMemory } from "./base/runtime-memory.ts";
import { liveBlocks } from "./compact/live-blocks.ts";
import { readRetentionFilter } from "./compact/retention-filter.ts";
import { parseCommandLine } from "./config/command-line.ts";
import type { Config } from "./config/config.ts";
import { effectiveConfig } from "./config/effective-config.ts";
import { ConfigError } from "./config/finding.ts";
import { helpText } from "./config/flags.ts";
import {
  ANSWERS_HELD_BYTES_MAX,
  GRPC_HEAD_BYTES_MAX,
  GRPC_REQUEST_BYTES_MAX,
  REQUEST_HEAD_BYTES_MAX,
} from "./config/limits.ts";
import { listenSummary } from "./config/listen-summary.ts";
import { loadConfig } from "./config/load-config.ts";
import { type ServerTls, tlsConfigOf } from "./config/server-tls.ts";
import { formatEndpoint } from "./config/value/endpoint.ts";
import { type FileCheck, verifyConfig } from "./config/verify-config.ts";
import { isInspection } from "./inspect/inspect-line.ts";
import type { BlockMeta } from "./model/block-meta.ts";
import {
  STAT_CUTS,
  STAT_DAMAGED_BYTES,
  STAT_QUARANTINED,
  STAT_REPLAY_BYTES,
  STAT_REPLAY_BYTES_DONE,
  STAT_REPLAY_SECONDS,
  STAT_TORN_BYTES,
  STAT_WAL_BYTES,
} from "./ring/control.ts";
import { openStore, type StoreOptions } from "./store/open-store.ts";
import { DiskStore } from "./store/store-disk.ts";
import { REQUEST_SECONDS } from "./store/store-requests.ts";
import { nodeIdOf } from "./wal/node-id.ts";
import { checkCompactionLimits } from "./worker/compaction-limits.ts";
import { Engine } from "./worker/engine.ts";
import { freePorts } from "./worker/free-ports.ts";
import { inspectStore } from "./worker/inspect-store.ts";
import { checkSampling } from "./worker/open-jaeger.ts";
import { httpTls, readTls } from "./worker/receiver-tls.ts";
import { storeOptions } from "./worker/store-options.ts";
import {
  checkTenantFile,
  readLimits,
  type TenantLimits,
  watchLimits,
} from "./worker/tenant-limits.ts";
import type { ReceiverSnapshot } from "./worker/worker-protocol.ts";

const FLUSH_TIMEOUT_MS = 120_000;

await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<void> {
  const load = { argv, env: process.env, readFile: (path: string) => readFileSync(path) };
  if (isInspection(argv)) process.exit(await inspectStore(load, print));
  const command = parseCommandLine(argv);
  if (command.version) return print(`vivace, version ${packageJson.version}`);
  if (command.help) return print(helpText());
  if (command.verify) {
    const { exitCode, lines } = verifyConfig(load, filesOf);
    print(lines.join("\n"));
    process.exit(exitCode);
  }
  try {
    settleMemory();
    watchHeap();
    const { config, warnings } = loadConfig(load);
    await run(config, warnings);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const lines = error instanceof ConfigError ? error.problems : [error.message];
    for (const line of lines) process.stderr.write(`vivace: ${line}\n`);
    process.exit(1);
  }
}

/** What -config.verify reads besides the configuration. */
function filesOf({ limits, receivers, compaction }: Config): FileCheck[] {
  const overrides = limits.tenantFile === "" ? [] : [() => checkTenantFile(limits.tenantFile)];
  const strategies = receivers.flatMap((receiver) =>
    receiver.kind === "jaeger_remote_sampling" ? [receiver] : [],
  );
  const checks = strategies.map((receiver) => () => {
    checkSampling(receiver);
    return [];
  });
  const filters = compaction.rules.map((rule) => () => {
    readRetentionFilter(rule);
    return [];
  });
  return [...overrides, ...checks, ...filters];
}

async function run(config: Config, warnings: readonly string[]): Promise<void> {
  const { logLevel: level, logFormat: format } = config.server;
  const logger = makeLogger({ level, format, component: "main" });
  for (const warning of warnings) logger.warn(warning);
  for (const receiver of config.receivers) {
    if (receiver.kind === "jaeger_remote_sampling") checkSampling(receiver);
    // A receiver's thread reads them as well, but would be started again and again.
    if ("tls" in receiver && receiver.tls !== undefined) readTls(receiver.tls);
  }
  for (const tls of [config.server.httpTls, config.server.grpcTls]) portTls(tls);
  const limits = readLimits(config.limits, logger);
  for (const rule of config.compaction.rules) readRetentionFilter(rule);
  checkCompactionLimits(config, limits);
  for (const folder of new Set([config.walPath, config.localPath])) takeFolder(folder);
  const { receivers, server: listening } = await freePorts(config);
  const { httpListenAddress, grpcListenAddress } = listening;
  const store = new DiskStore(config.localPath);
  store.sweep();
  const blocks = takeLive(store, logger);
  for (const damage of store.damaged) logger.error("block left out", { reason: damage.message });
  const startMs = performance.now();
  const engine = await Engine.create({
    config: { ...config, receivers },
    limits,
    kernel: readKernel(),
    nodeId: nodeIdOf(config.walPath),
    blocks,
    clock: systemClock,
    logger,
    place: await placeOf(config),
    onFatal: (thread) => {
      logger.error("the process ends", { thread });
      process.exit(70);
    },
    onListening: (receivers) => {
      for (const { name, kind, url } of receivers) {
        logger.info("receiver listens", { name, kind, url });
      }
    },
  });
  const onChange = (changed: TenantLimits) => {
    checkCompactionLimits(config, changed);
    engine.setLimits(changed);
  };
  watchLimits(config.limits, { logger, onChange });
  const server = await serveApi({ config, server: listening }, engine, logger);
  for (const line of listenSummary({ ...config, receivers })) {
    const where = line.loopbackOnly ? " (this machine only)" : "";
    logger.info(`${line.serves} on ${line.endpoint}${where}`, { receiver: line.name });
  }
  const ms = Math.round(performance.now() - startMs);
  const url = (address: string, port: number, tls: ServerTls) =>
    `http${tls.certFile === "" ? "" : "s"}://${formatEndpoint({ address, port })}/`;
  logger.info("vivace started", {
    version: packageJson.version,
    api: url(httpListenAddress, server.httpPort, config.server.httpTls),
    grpc: url(grpcListenAddress, server.grpcPort, config.server.grpcTls),
    ms,
  });
  stopOnSignal(config, { engine, server, logger });
}

/** undefined: in the folder of local blocks. Rejects with store_refused if it cannot be opened. */
async function placeOf(config: Config): Promise<StoreOptions | undefined> {
  if (config.storageBackend === "local") return undefined;
  const place = storeOptions(config);
  // The store's own thread opens it again, and could not say so well what is wrong.
  await openStore(place, { clock: systemClock, random: prng(0) });
  return place;
}

/** Nobody reads yet: what merges left behind goes at once. */
function takeLive(store: DiskStore, logger: Logger): readonly BlockMeta[] {
  const { live, replaced, orphans } = liveBlocks(store.list());
  for (const meta of [...orphans, ...replaced]) store.remove(meta);
  const left = { replaced: replaced.length, unfinished: orphans.length };
  if (left.replaced + left.unfinished > 0) logger.info("blocks left by merges removed", left);
  return live;
}

interface ApiConfig {
  /** As it is shown. */
  readonly config: Config;
  /** With the ports that are listened on. */
  readonly server: Config["server"];
}

async function serveApi(
  { config, server }: ApiConfig,
  engine: Engine,
  logger: Logger,
): Promise<ApiListener> {
  const build = { version: packageJson.version, revision: "" };
  const metrics = new EngineMetrics({
    build,
    clock: systemClock,
    snapshot: (): Promise<EngineSnapshot> => engineSnapshot(engine),
  });
  const { httpApiPrefix, multitenancyEnabled } = config;
  const options: ApiOptions = {
    httpApiPrefix,
    answersHeldBytesMax: ANSWERS_HELD_BYTES_MAX,
    multitenancyEnabled,
    build,
    query: config.query,
    queryTimeoutMs: config.query.timeoutMs,
    flushTimeoutMs: FLUSH_TIMEOUT_MS,
  };
  const parts: ApiParts = {
    traces: {
      ask: async ({ startSeconds, endSeconds, filter, ...question }) =>
        await engine.trace({ ...question, startSeconds, endSeconds, filter }),
    },
    asker: engine,
    clock: systemClock,
    readiness: engine,
    flusher: engine,
    pages: {
      services: () => {
        const [failure] = engine.reasons();
        if (failure === undefined) return [{ name: "engine", state: "Running" }];
        return [{ name: "engine", state: "Starting", failure }];
      },
      config: (mode) => effectiveConfig(config, mode),
    },
    metrics,
    meter: metrics,
    logger,
  };
  const answers = new HeldAnswers(options.answersHeldBytesMax);
  const limits = {
    messageBytesMax: GRPC_REQUEST_BYTES_MAX,
    streamsMax: server.grpcStreamsMax,
    headBytesMax: GRPC_HEAD_BYTES_MAX,
    readTimeoutMs: server.httpReadTimeoutMs,
    writeTimeoutMs: server.httpWriteTimeoutMs,
    idleTimeoutMs: server.httpIdleTimeoutMs,
    packetBytesMax: config.query.streamPacketBytesMax,
  };
  // Of every server that begins from here on; Bun.serve has no option of its own for it.
  Object.assign(http, { maxHeaderSize: REQUEST_HEAD_BYTES_MAX });
  return await listenApi(
    {
      http: {
        hostname: server.httpListenAddress,
        port: server.httpListenPort,
        tls: portTls(server.httpTls),
      },
      grpc: {
        hostname: server.grpcListenAddress,
        port: server.grpcListenPort,
        tls: portTls(server.grpcTls),
      },
      streamOverHttp: config.streamOverHttp,
      httpIdleSeconds: Math.ceil(server.httpIdleTimeoutMs / 1000),
      httpHeadBytesMax: REQUEST_HEAD_BYTES_MAX,
    },
    apiServer(options, parts, answers),
    apiCalls(options, parts, { answers, limits }),
  );
}

/** Throws `malformed` when the files are not there or do not fit. */
function portTls(tls: ServerTls): PortTls | undefined {
  const config = tlsConfigOf(tls);
  return config && httpTls(readTls(config));
}

/** The engine's counters as `/metrics` shows them. */
async function engineSnapshot(engine: Engine): Promise<EngineSnapshot> {
  const { stats, blocks } = engine;
  const receivers = await engine.receiverStats();
  const reasons = engine.reasons();
  return {
    tenants: tenantCounts(receivers, blocks),
    receivers: receivers.map(({ name, transport, tenants }) => ({
      receiver: name,
      transport,
      acceptedSpans: sum(Object.values(tenants).map(({ spans }) => spans)),
      refusedSpans: sum(
        Object.values(tenants).flatMap(({ discarded }) => Object.values(discarded)),
      ),
    })),
    head: { rows: engine.headRows, cutsByReason: new Map([["all", stats[STAT_CUTS]]]) },
    wal: {
      bytes: stats[STAT_WAL_BYTES],
      tornBytes: stats[STAT_TORN_BYTES],
      damagedBytes: stats[STAT_DAMAGED_BYTES],
      quarantinedRecords: stats[STAT_QUARANTINED],
    },
    replay: {
      bytesTotal: stats[STAT_REPLAY_BYTES],
      bytesDone: stats[STAT_REPLAY_BYTES_DONE],
      seconds: stats[STAT_REPLAY_SECONDS],
    },
    blocks: {
      rows: sum(blocks.map(({ spans }) => spans)),
      bytes: sum(blocks.map(({ dataBytes, sidecarBytes }) => dataBytes + sidecarBytes)),
      completed: engine.publishedBlocks,
      failed: engine.failedCuts,
    },
    compaction: engine.compaction,
    store: storeCounts(engine),
    ringBytes: engine.ringBytes,
    workersRestarted: engine.restarts,
    ...busySeconds(engine),
    differingSpans: engine.differingSpans,
    damagedAnswers: engine.damagedAnswers,
    diskFailing: engine.diskFailing,
    ready: reasons.length === 0,
  };
}

function storeCounts({ storeState }: Engine): StoreCounts | undefined {
  if (storeState === undefined) return undefined;
  const requests = storeState.requests.series.map((one) => ({ ...one, bounds: REQUEST_SECONDS }));
  return { ...storeState, requests };
}

function busySeconds(engine: Engine) {
  const { threads, stages } = engine.busySeconds();
  return { threadCpuSeconds: threads, stageSeconds: stages };
}

function tenantCounts(
  receivers: readonly ReceiverSnapshot[],
  blocks: readonly BlockMeta[],
): Map<string, TenantCounts> {
  const all = new Map<string, TenantCounts>();
  const none: TenantCounts = {
    spansReceived: 0,
    bytesReceived: 0,
    spansDiscarded: new Map(),
    attributesCut: new Map(),
    blocks: 0,
  };
  for (const { tenants } of receivers) {
    for (const [tenant, counts] of Object.entries(tenants)) {
      const before = all.get(tenant) ?? none;
      all.set(tenant, {
        spansReceived: before.spansReceived + counts.spans,
        bytesReceived: before.bytesReceived + counts.bytes,
        spansDiscarded: added(before.spansDiscarded, counts.discarded),
        attributesCut: added(before.attributesCut, counts.cut),
        blocks: before.blocks,
      });
    }
  }
  for (const { name } of blocks.flatMap(({ tenants }) => tenants)) {
    const before = all.get(name) ?? none;
    all.set(name, { ...before, blocks: before.blocks + 1 });
  }
  return all;
}

function added(
  before: ReadonlyMap<string, number>,
  more: Readonly<Record<string, number>>,
): Map<string, number> {
  const all = new Map(before);
  for (const [label, count] of Object.entries(more)) all.set(label, (all.get(label) ?? 0) + count);
  return all;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

interface Running {
  readonly engine: Engine;
  readonly server: ApiListener;
  readonly logger: Logger;
}

/** Signals come twice (npm passes them on as well); the first one counts. */
function stopOnSignal(config: Config, { engine, server, logger }: Running): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info("stopping", { signal });
    engine.announceStop();
    await Bun.sleep(config.shutdownDelayMs);
    const timer = setTimeout(() => {
      logger.error("requests under way were cut off", { reason: "graceful_shutdown_timeout" });
      process.exit(1);
    }, config.server.gracefulShutdownTimeoutMs);
    await engine.stop();
    await server.stop();
    engine.end();
    clearTimeout(timer);
    logger.info("stopped");
    process.exit(0);
  };
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
}

function tryLock(folder: string): ReturnType<typeof lockFolder> {
  try {
    return lockFolder(folder);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("disk_failed", `${folder} cannot be used: ${reason}`, { cause });
  }
}

function takeFolder(folder: string): void {
  const lock = tryLock(folder);
  if (!("heldBy" in lock)) return;
  const who = lock.heldBy === 0 ? "another process" : `process ${lock.heldBy}`;
  throw new EngineError("overloaded", `${folder} is in use by ${who}`);
}

function readKernel(): Uint8Array<ArrayBuffer> {
  const path = join(import.meta.dirname, "..", "native", "build", "kernel.wasm");
  try {
    return new Uint8Array(readFileSync(path));
  } catch {
    throw new EngineError("not_found", "the kernel is not built: run npm run setup");
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
