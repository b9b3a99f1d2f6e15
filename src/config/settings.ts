/**
 * Every setting that is honoured, once: its place in the file, kind, default and meaning. The
 * flags, -help, the effective configuration and the tables are all derived from here.
 */
import { availableParallelism } from "node:os";
import { z } from "zod";
import { MiB } from "../base/bytes.ts";
import { logLevels } from "../base/log.ts";
import { bucketSettings } from "./bucket-settings.ts";
import { compactionSettings } from "./compaction-settings.ts";
import type { Config, StorageBackend } from "./config.ts";
import { gcsSettings } from "./gcs-settings.ts";
import { limitSettings } from "./limit-settings.ts";
import {
  BLOCK_DURATION_MS_DEFAULT,
  BLOCK_RETENTION_MS_DEFAULT,
  HTTP_IDLE_TIMEOUT_MS_MAX,
  IN_FLIGHT_BYTES_DEFAULT,
  INGRESS_THREADS_DEFAULT_MAX,
  INGRESS_THREADS_MAX,
  MEMORY_BUDGET_BYTES_DEFAULT,
  MEMORY_BUDGET_BYTES_MAX,
  MEMORY_BUDGET_BYTES_MIN,
  QUERY_STREAMS_DEFAULT,
  QUERY_STREAMS_MAX,
  WAL_BYTES_DEFAULT,
  WAL_BYTES_MIN,
} from "./limits.ts";
import { querySettings } from "./query-settings.ts";
import { s3Settings } from "./s3-settings.ts";
import { serverTlsSettings } from "./server-tls.ts";
import { spanLogSettings } from "./span-log-settings.ts";
import type { AnySetting, Setting } from "./table/key.ts";
import { bytesBetween, choice, knownOf, onlyOne, wholeMs } from "./value/bounded.ts";
import { address, flag, folder, makeValue, port, urlPath } from "./value/value.ts";

function setting<T>(one: Omit<Setting<T>, "kind">): Setting<T> {
  return { kind: "setting", ...one };
}

export const target = setting<"all">({
  path: "target",
  flag: "target",
  value: onlyOne("all", {
    unbuilt: [
      ...["distributor", "live-store", "block-builder", "backend-scheduler", "backend-worker"],
      ...["querier", "query-frontend", "metrics-generator", "metrics-generator-no-local-blocks"],
      ...["ingester", "compactor", "scalable-single-binary"],
    ],
    sentence: (name) => `target ${name} is not built yet; the only target is all`,
  }),
  fallback: "all",
  about: "Which modules run; all of them in one process.",
  read: (config) => config.target,
});

export const multitenancyEnabled = setting<boolean>({
  path: "multitenancy_enabled",
  flag: "multitenancy.enabled",
  value: flag,
  fallback: false,
  about: "Take tenants from X-Scope-OrgID and refuse requests without one.",
  read: (config) => config.multitenancyEnabled,
});

export const httpApiPrefix = setting<string>({
  path: "http_api_prefix",
  flag: "http-api-prefix",
  value: makeValue<string>({
    wants: "text",
    schema: z
      .string()
      .transform((path) => path.replace(/\/$/, ""))
      .refine((path) => path === "" || urlPath.schema.safeParse(path).success),
    expected: "a path that begins with a slash, such as /tempo",
  }),
  fallback: "",
  about: "Put before the paths of the query API.",
  read: (config) => config.httpApiPrefix,
});

export const shutdownDelay = setting<number>({
  path: "shutdown_delay",
  flag: "shutdown-delay",
  value: wholeMs(),
  fallback: 0,
  about: "Wait this long after the signal, not ready, before the listeners close.",
  read: (config) => config.shutdownDelayMs,
});

export const httpListenAddress = setting<string>({
  path: "server.http_listen_address",
  value: address,
  fallback: "127.0.0.1",
  about: "Address of the HTTP API; 0.0.0.0 is every interface.",
  read: (config) => config.server.httpListenAddress,
});

export const httpListenPort = setting<number>({
  path: "server.http_listen_port",
  value: port,
  fallback: 3200,
  about: "Port of the HTTP API.",
  read: (config) => config.server.httpListenPort,
});

export const streamOverHttp = setting<boolean>({
  path: "stream_over_http_enabled",
  value: flag,
  fallback: true,
  about: "Answer the streaming gRPC on the port of the HTTP API, too: Grafana asks there.",
  read: (config) => config.streamOverHttp,
});

export const grpcListenAddress = setting<string>({
  path: "server.grpc_listen_address",
  value: address,
  fallback: "127.0.0.1",
  about: "Address of the gRPC API; 0.0.0.0 is every interface.",
  read: (config) => config.server.grpcListenAddress,
});

export const grpcListenPort = setting<number>({
  path: "server.grpc_listen_port",
  value: port,
  fallback: 9095,
  about: "Port of the gRPC API.",
  read: (config) => config.server.grpcListenPort,
});

export const grpcStreamsMax = setting<number>({
  path: "server.grpc_server_max_concurrent_streams",
  value: makeValue<number>({
    schema: z.int().min(1).max(QUERY_STREAMS_MAX),
    expected: `a number of streams, 1 to ${QUERY_STREAMS_MAX}`,
  }),
  fallback: QUERY_STREAMS_DEFAULT,
  about: "Calls of one connection at once.",
  read: (config) => config.server.grpcStreamsMax,
});

export const logLevel = setting<Config["server"]["logLevel"]>({
  path: "server.log_level",
  flag: "log.level",
  value: choice(logLevels),
  fallback: "info",
  about: `Least level that is logged: ${logLevels.join(", ")}.`,
  read: (config) => config.server.logLevel,
});

export const logFormat = setting<Config["server"]["logFormat"]>({
  path: "server.log_format",
  flag: "log.format",
  value: choice(["logfmt", "json"]),
  fallback: "logfmt",
  about: "Form of the log lines: logfmt or json.",
  read: (config) => config.server.logFormat,
});

export const gracefulShutdownTimeout = setting<number>({
  path: "server.graceful_shutdown_timeout",
  value: wholeMs({ min: 1 }),
  fallback: 30_000,
  about: "Requests under way may take this long after the listeners closed.",
  read: (config) => config.server.gracefulShutdownTimeoutMs,
});

export const httpReadTimeout = setting<number>({
  path: "server.http_server_read_timeout",
  value: wholeMs(),
  fallback: 30_000,
  about: "A request must arrive whole within this time; 0 is no limit.",
  read: (config) => config.server.httpReadTimeoutMs,
});

export const httpWriteTimeout = setting<number>({
  path: "server.http_server_write_timeout",
  value: wholeMs(),
  fallback: 30_000,
  about: "An answer must leave within this time; 0 is no limit.",
  read: (config) => config.server.httpWriteTimeoutMs,
});

export const httpIdleTimeout = setting<number>({
  path: "server.http_server_idle_timeout",
  value: wholeMs({ max: HTTP_IDLE_TIMEOUT_MS_MAX }),
  fallback: 120_000,
  about: "A kept connection without a request is closed after this; 0 is no limit.",
  read: (config) => config.server.httpIdleTimeoutMs,
});

export const storageBackend = setting<StorageBackend>({
  path: "storage.trace.backend",
  value: knownOf(["local", "s3", "gcs"], {
    unbuilt: ["azure"],
    sentence: (name) => `the ${name} backend is not built yet; there are local, s3 and gcs`,
  }),
  fallback: "local",
  about: "Where blocks are kept: local, in a folder; s3 or gcs, in a bucket.",
  read: (config) => config.storageBackend,
});

export const localPath = setting<string>({
  path: "storage.trace.local.path",
  value: folder,
  fallback: "./data/blocks",
  about: "Folder of the blocks.",
  read: (config) => config.localPath,
});

export const walPath = setting<string>({
  path: "storage.trace.wal.path",
  value: folder,
  fallback: "./data/wal",
  about: "Folder of the write-ahead log.",
  read: (config) => config.walPath,
});

export const blockRetention = setting<number>({
  path: "backend_scheduler.provider.compaction.compaction.block_retention",
  value: wholeMs(),
  fallback: BLOCK_RETENTION_MS_DEFAULT,
  about: "Blocks that ended longer ago are removed; 0 keeps them for ever.",
  read: (config) => config.blockRetentionMs,
});

export const maxBlockDuration = setting<number>({
  path: "live_store.max_block_duration",
  value: wholeMs({ min: 1_000 }),
  fallback: BLOCK_DURATION_MS_DEFAULT,
  about: "Age at which the newest spans are cut into a block.",
  read: (config) => config.maxBlockDurationMs,
});

export const memoryBudget = setting<number>({
  path: "vivace.memory_budget_bytes",
  value: bytesBetween(MEMORY_BUDGET_BYTES_MIN, MEMORY_BUDGET_BYTES_MAX),
  fallback: MEMORY_BUDGET_BYTES_DEFAULT,
  about: "All buffers of the process together: head, rings, caches, scratch.",
  read: (config) => config.memoryBudgetBytes,
});

export const walBytesMax = setting<number>({
  path: "vivace.wal_bytes_max",
  value: bytesBetween(WAL_BYTES_MIN, Number.MAX_SAFE_INTEGER),
  fallback: WAL_BYTES_DEFAULT,
  about: "Log that is not yet in blocks; above it requests are answered 503.",
  read: (config) => config.walBytesMax,
});

export const ingressThreads = setting<number>({
  path: "vivace.ingress_threads",
  value: makeValue<number>({
    schema: z.int().min(1).max(INGRESS_THREADS_MAX),
    expected: `a number of threads, 1 to ${INGRESS_THREADS_MAX}`,
  }),
  fallback: ingressThreadsDefault(),
  about: "Threads that own listeners; by default one for every four cores, six at most.",
  read: (config) => config.ingressThreads,
});

export const inFlightBytesMax = setting<number>({
  path: "vivace.in_flight_bytes_max",
  value: bytesBetween(MiB, MEMORY_BUDGET_BYTES_MAX),
  fallback: IN_FLIGHT_BYTES_DEFAULT,
  about: "Request bytes received and not yet answered; above it requests are answered 503.",
  read: (config) => config.inFlightBytesMax,
});

function ingressThreadsDefault(): number {
  const quarter = Math.floor(availableParallelism() / 4);
  return Math.min(INGRESS_THREADS_DEFAULT_MAX, Math.max(1, quarter));
}

/** In the order of -help and of the effective configuration. */
export const settings = [
  ...[target, multitenancyEnabled, httpApiPrefix, streamOverHttp, shutdownDelay],
  ...[httpListenAddress, httpListenPort, grpcListenAddress, grpcListenPort, grpcStreamsMax],
  ...serverTlsSettings,
  ...[logLevel, logFormat, gracefulShutdownTimeout],
  ...[httpReadTimeout, httpWriteTimeout, httpIdleTimeout],
  ...querySettings,
  ...limitSettings,
  ...spanLogSettings,
  ...[storageBackend, localPath, walPath],
  ...s3Settings,
  ...gcsSettings,
  ...bucketSettings,
  ...[blockRetention, maxBlockDuration],
  ...compactionSettings,
  ...[memoryBudget, walBytesMax, ingressThreads, inFlightBytesMax],
] as const satisfies readonly AnySetting[];
