/** What every gRPC receiver takes, by the Collector's keys; empty and zero mean its defaults. */
import { MiB } from "../../base/bytes.ts";
import type { GrpcConfig, GrpcKeepalive } from "../config.ts";
import { GRPC_STREAMS_DEFAULT, GRPC_STREAMS_MAX, REQUEST_BYTES_MAX } from "../limits.ts";
import type { Setting } from "../table/key.ts";
import { wholeMs } from "../value/bounded.ts";
import { count, flag, type Value } from "../value/value.ts";
import { receiverSetting } from "./receiver-setting.ts";
import type { ReadSetting } from "./receiver-type.ts";
import { readTls, tlsSettings } from "./tls-settings.ts";

const MESSAGE_MIB_DEFAULT = 4;
const MESSAGE_MIB_MAX = REQUEST_BYTES_MAX / MiB;

export const grpcMessageMib = receiverSetting<number>({
  path: "max_recv_msg_size_mib",
  value: {
    ...count,
    schema: count.schema
      .transform((mib) => (mib === 0 ? MESSAGE_MIB_DEFAULT : mib))
      .refine((mib) => mib <= MESSAGE_MIB_MAX),
    expected:
      `a whole number of MiB up to ${MESSAGE_MIB_MAX}, the largest request that a ring takes ` +
      `(0 is the default of ${MESSAGE_MIB_DEFAULT})`,
  },
  fallback: MESSAGE_MIB_DEFAULT,
  about: "Largest message in MiB, before and after decompression.",
  read: (receiver) => receiver.requestBytesMax / MiB,
});

export const grpcStreams = receiverSetting<number, GrpcConfig>({
  path: "max_concurrent_streams",
  value: {
    ...count,
    schema: count.schema
      .transform((streams) => (streams === 0 ? GRPC_STREAMS_DEFAULT : streams))
      .refine((streams) => streams <= GRPC_STREAMS_MAX),
    expected:
      `a whole number up to ${GRPC_STREAMS_MAX} ` + `(0 is the default of ${GRPC_STREAMS_DEFAULT})`,
  },
  fallback: GRPC_STREAMS_DEFAULT,
  about: "Calls of one connection at once.",
  read: (receiver) => receiver.streamsMax,
});

/** Zero is the default, which the Collector's library has, too. */
function usually(ms: number): Value<number> {
  const kind = wholeMs();
  return { ...kind, schema: kind.schema.transform((given) => (given === 0 ? ms : given)) };
}

const HOUR = 3_600_000;

/** No bound. */
const NEVER = 0;

function keepalive(
  path: string,
  { field, fallback, about }: { field: NumberField; fallback: number; about: string },
): Setting<number, GrpcConfig> {
  return receiverSetting<number, GrpcConfig>({
    path: `keepalive.${path}`,
    value: fallback === NEVER ? wholeMs() : usually(fallback),
    fallback,
    about,
    read: (receiver) => receiver.keepalive[field],
  });
}

type NumberField = {
  [K in keyof GrpcKeepalive]: GrpcKeepalive[K] extends number ? K : never;
}[keyof GrpcKeepalive];

const connectionIdle = keepalive("server_parameters.max_connection_idle", {
  field: "connectionIdleMs",
  fallback: NEVER,
  about: "Connections without a call for so long are closed; 0 is no limit.",
});
const connectionAge = keepalive("server_parameters.max_connection_age", {
  field: "connectionAgeMs",
  fallback: NEVER,
  about: "Connections that are so old are closed when their calls have ended; 0 is no limit.",
});
const connectionAgeGrace = keepalive("server_parameters.max_connection_age_grace", {
  field: "connectionAgeGraceMs",
  fallback: NEVER,
  about: "Calls may take so long from then on; 0 is no limit.",
});
const pingAfter = keepalive("server_parameters.time", {
  field: "pingAfterMs",
  fallback: 2 * HOUR,
  about: "After so much silence the client is asked whether it is there.",
});
const pingTimeout = keepalive("server_parameters.timeout", {
  field: "pingTimeoutMs",
  fallback: 20_000,
  about: "Without an answer in this time the connection is closed.",
});
const pingMinInterval = keepalive("enforcement_policy.min_time", {
  field: "pingMinIntervalMs",
  fallback: HOUR / 12,
  about: "Clients that ask more often than this, again and again, are sent away.",
});
const pingWithoutStream = receiverSetting<boolean, GrpcConfig>({
  path: "keepalive.enforcement_policy.permit_without_stream",
  value: flag,
  fallback: false,
  about: "Clients may ask as often while they have no call.",
  read: (receiver) => receiver.keepalive.pingWithoutStream,
});

/** As the table of keys has it. */
export const grpcKeepaliveKeys = {
  connectionIdle,
  connectionAge,
  connectionAgeGrace,
  pingAfter,
  pingTimeout,
  pingMinInterval,
  pingWithoutStream,
} as const;

export const grpcSettings = [
  grpcMessageMib,
  grpcStreams,
  ...Object.values(grpcKeepaliveKeys),
  ...tlsSettings,
] as const satisfies readonly Setting<unknown, GrpcConfig>[];

export function readGrpc(
  at: ReadSetting,
): Omit<GrpcConfig, "name" | "listenAddress" | "listenPort"> {
  return {
    requestBytesMax: at(grpcMessageMib) * MiB,
    streamsMax: at(grpcStreams),
    keepalive: {
      connectionIdleMs: at(connectionIdle),
      connectionAgeMs: at(connectionAge),
      connectionAgeGraceMs: at(connectionAgeGrace),
      pingAfterMs: at(pingAfter),
      pingTimeoutMs: at(pingTimeout),
      pingMinIntervalMs: at(pingMinInterval),
      pingWithoutStream: at(pingWithoutStream),
    },
    tls: readTls(at),
  };
}
