/**
 * What must hold between settings. Each relation names the paths it is about, so that its problem
 * is reported where one of them was written, and is not checked when one of them was refused.
 * The parts that rely on a relation assert it again, close to its use.
 */
import { resolve, sep } from "node:path";
import { blockListPoll, compactedRetention } from "./bucket-settings.ts";
import { compactionWindow } from "./compaction-settings.ts";
import type { Config, Receiver } from "./config.ts";
import { BUCKET_COMPACTION_WINDOW_MS_MAX } from "./limits.ts";
import { receiverPath, typeOf } from "./receiver/receiver-types.ts";
import { serverTlsProblems } from "./server-tls.ts";
import {
  blockRetention,
  grpcListenPort,
  httpListenPort,
  inFlightBytesMax,
  ingressThreads,
  localPath,
  maxBlockDuration,
  memoryBudget,
  multitenancyEnabled,
  storageBackend,
  walBytesMax,
  walPath,
} from "./settings.ts";
import { storeProblems } from "./store-problems.ts";
import { formatByteSize } from "./value/byte-size.ts";
import { formatDuration } from "./value/duration.ts";
import { endpointsCollide, formatEndpoint } from "./value/endpoint.ts";

export interface BrokenRelation {
  /** Canonical paths; the first that was written is where it is reported. */
  readonly paths: readonly string[];
  readonly message: string;
}

export function brokenRelations(config: Config): BrokenRelation[] {
  return [
    ...listeners(config),
    ...certificates(config),
    ...tenants(config),
    ...buckets(config),
    ...folders(config),
    ...times(config),
    ...sizes(config),
    ...storeProblems(config),
  ];
}

function* listeners(config: Config): Generator<BrokenRelation> {
  const all = [
    {
      name: "the HTTP API",
      paths: [httpListenPort.path, "server.http_listen_address"],
      address: config.server.httpListenAddress,
      port: config.server.httpListenPort,
      transport: "tcp",
    },
    {
      name: "the gRPC API",
      paths: [grpcListenPort.path, "server.grpc_listen_address"],
      address: config.server.grpcListenAddress,
      port: config.server.grpcListenPort,
      transport: "tcp",
    },
    ...config.receivers.map((receiver) => ({
      name: `the receiver ${receiver.name}`,
      paths: [endpointPathOf(receiver), pathOf(receiver)],
      address: receiver.listenAddress,
      port: receiver.listenPort,
      transport: typeOf(receiver).transport,
    })),
  ];
  for (const [index, second] of all.entries()) {
    for (const first of all.slice(0, index)) {
      if (first.transport !== second.transport || !endpointsCollide(first, second)) continue;
      const where = formatEndpoint(second);
      const message = `${second.name} cannot listen on ${where}: ${first.name} does already`;
      yield { paths: [...second.paths, ...first.paths], message };
    }
  }
}

function* certificates(config: Config): Generator<BrokenRelation> {
  for (const { path, message } of serverTlsProblems(config)) yield { paths: [path], message };
  for (const receiver of config.receivers) {
    if (!("tls" in receiver) || receiver.tls === undefined) continue;
    const { tls } = receiver;
    const path = (key: string) => `${pathOf(receiver)}.tls.${key}`;
    for (const what of ["cert", "key"] as const) {
      const [file, pem] = [tls[`${what}File`], tls[`${what}Pem`]];
      if ((file === "") !== (pem === "")) continue;
      const paths = [path(`${what}_file`), path(`${what}_pem`), `${pathOf(receiver)}.tls`];
      const message =
        file === ""
          ? `TLS needs ${what}_file or ${what}_pem`
          : `${what}_file and ${what}_pem are both given; one of them is right`;
      yield { paths, message };
    }
    if (tls.minVersion > tls.maxVersion) {
      const message = `no version of TLS lies between ${tls.minVersion} and ${tls.maxVersion}`;
      yield { paths: [path("min_version"), path("max_version")], message };
    }
  }
}

/** Packets have no headers that could name a tenant. */
function* tenants(config: Config): Generator<BrokenRelation> {
  if (!config.multitenancyEnabled) return;
  for (const receiver of config.receivers) {
    if (typeOf(receiver).transport !== "udp") continue;
    const what = typeOf(receiver).serves(receiver);
    const message = `${what} names no tenant, which ${multitenancyEnabled.path} asks for`;
    yield { paths: [pathOf(receiver), multitenancyEnabled.path], message };
  }
}

/** What lies in a bucket is kept account of by the day. */
function* buckets({ storageBackend: backend, compaction, bucket }: Config) {
  if (backend === "local") return;
  if (compaction.windowMs > BUCKET_COMPACTION_WINDOW_MS_MAX) {
    const message = "blocks in a bucket are merged within a day at most";
    yield { paths: [compactionWindow.path, storageBackend.path], message };
  }
  if (bucket.graceMs < 2 * bucket.pollMs) {
    const message =
      "blocks would go before other processes hear that they were merged: at least twice " +
      `${blockListPoll.path}, which is ${formatDuration(bucket.pollMs)}`;
    yield { paths: [compactedRetention.path, blockListPoll.path], message };
  }
}

function* folders(config: Config): Generator<BrokenRelation> {
  const paths = [walPath.path, localPath.path];
  const wal = resolve(config.walPath);
  const blocks = resolve(config.localPath);
  const inside = (inner: string, outer: string) =>
    inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
  if (wal === blocks) {
    yield { paths, message: `log and blocks need folders of their own; both are ${wal}` };
  } else if (inside(wal, blocks) || inside(blocks, wal)) {
    const message = `log and blocks cannot lie inside each other: ${wal} and ${blocks}`;
    yield { paths, message };
  }
}

function* times(config: Config): Generator<BrokenRelation> {
  const { blockRetentionMs: retention, maxBlockDurationMs: age } = config;
  if (retention === 0 || retention >= age) return;
  yield {
    paths: [blockRetention.path, maxBlockDuration.path],
    message:
      `blocks kept for ${formatDuration(retention)} would be removed before they are cut, ` +
      `which ${maxBlockDuration.path} lets happen after ${formatDuration(age)}`,
  };
}

function* sizes(config: Config): Generator<BrokenRelation> {
  const { inFlightBytesMax: inFlight, memoryBudgetBytes: memory } = config;
  for (const receiver of config.receivers) {
    if (receiver.requestBytesMax <= inFlight) continue;
    yield {
      paths: [sizePathOf(receiver), inFlightBytesMax.path],
      message:
        `a request of ${formatByteSize(receiver.requestBytesMax)} could never be taken, as ` +
        `${inFlightBytesMax.path} is ${formatByteSize(inFlight)}`,
    };
  }
  if (inFlight > memory / 2) {
    yield {
      paths: [inFlightBytesMax.path, memoryBudget.path],
      message: `${formatByteSize(inFlight)} in flight is more than half of ${memoryText(memory)}`,
    };
  }
  if (config.walBytesMax < 2 * inFlight) {
    yield {
      paths: [walBytesMax.path, inFlightBytesMax.path],
      message:
        `a log of ${formatByteSize(config.walBytesMax)} is less than twice the ` +
        `${formatByteSize(inFlight)} that may be in flight (${inFlightBytesMax.path})`,
    };
  }
  const requestBytesMax = Math.max(0, ...config.receivers.map((one) => one.requestBytesMax));
  if (config.ingressThreads * requestBytesMax > memory / 2) {
    const size = formatByteSize(requestBytesMax);
    const rings = `${config.ingressThreads} rings for requests of ${size}`;
    const bodies = config.receivers.map(sizePathOf);
    yield {
      paths: [ingressThreads.path, memoryBudget.path, ...bodies],
      message: `${rings} are more than half of ${memoryText(memory)}`,
    };
  }
}

function pathOf(receiver: Receiver): string {
  return receiverPath(receiver.name, typeOf(receiver).below);
}

function endpointPathOf(receiver: Receiver): string {
  return `${pathOf(receiver)}.${typeOf(receiver).settings[0].path}`;
}

function sizePathOf(receiver: Receiver): string {
  return `${pathOf(receiver)}.${typeOf(receiver).sizePath}`;
}

function memoryText(memory: number): string {
  return `${memoryBudget.path}, ${formatByteSize(memory)}`;
}
