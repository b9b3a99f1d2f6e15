/**
 * `distributor.receivers`: the Collector's own blocks, one for each protocol. A protocol opens by
 * being named, also with nothing below it.
 */
import { grpcKeepaliveKeys, grpcMessageMib, grpcStreams } from "../receiver/grpc-settings.ts";
import { corsKeys } from "../receiver/http-settings.ts";
import { jaegerGrpcEndpoint } from "../receiver/jaeger-grpc.ts";
import { samplingEndpoint, samplingFile, samplingReload } from "../receiver/jaeger-sampling.ts";
import { jaegerHttpEndpoint } from "../receiver/jaeger-thrift-http.ts";
import {
  jaegerBinaryEndpoint,
  jaegerCompactEndpoint,
  udpBufferBytes,
  udpPacketBytes,
  udpQueuePackets,
} from "../receiver/jaeger-udp.ts";
import { otlpGrpcEndpoint } from "../receiver/otlp-grpc.ts";
import { otlpHttpEndpoint, otlpHttpTracesUrlPath } from "../receiver/otlp-http.ts";
import { maxRequestBodySize } from "../receiver/receiver-setting.ts";
import * as tlsKeys from "../receiver/tls-settings.ts";
import { zipkinEndpoint, zipkinParseStringTags } from "../receiver/zipkin.ts";
import {
  byteSize,
  count,
  duration,
  durationOrOff,
  flag,
  itemList,
  offWhen,
  secret,
  text,
  textList,
  textMap,
  toggle,
} from "../value/value.ts";
import {
  type Block,
  block,
  inertKeys,
  type Key,
  unbuiltBlock,
  unbuiltKeys,
  type ValueTree,
} from "./key.ts";

const tls = {
  ca_file: text,
  ca_pem: secret,
  cert_file: text,
  cert_pem: secret,
  key_file: text,
  key_pem: secret,
  client_ca_file: text,
  client_ca_file_reload: toggle,
  min_version: text,
  max_version: text,
  cipher_suites: textList,
  curve_preferences: textList,
  include_system_ca_certs_pool: toggle,
  include_insecure_cipher_suites: toggle,
  reload_interval: durationOrOff,
  tpm: textMap,
} as const satisfies ValueTree;

const httpTimeouts = {
  read_timeout: durationOrOff,
  read_header_timeout: durationOrOff,
  write_timeout: durationOrOff,
  idle_timeout: durationOrOff,
} as const;

/** What the Collector takes for every gRPC receiver. */
const grpcServer = {
  endpoint: text,
  transport: text,
  dialer: textMap,
  tls,
  max_recv_msg_size_mib: count,
  max_concurrent_streams: count,
  read_buffer_size: byteSize,
  write_buffer_size: byteSize,
  keepalive: {
    server_parameters: {
      max_connection_idle: duration,
      max_connection_age: duration,
      max_connection_age_grace: duration,
      time: duration,
      timeout: duration,
    },
    enforcement_policy: { min_time: duration, permit_without_stream: flag },
  },
  auth: textMap,
  include_metadata: flag,
  middlewares: itemList,
} as const satisfies ValueTree;

const IN_VAIN = "a server does not look for other servers' certificates";

/** `tls` of receivers that have it. */
const tlsServer = block({
  cert_file: tlsKeys.tlsCertFile,
  cert_pem: tlsKeys.tlsCertPem,
  key_file: tlsKeys.tlsKeyFile,
  key_pem: tlsKeys.tlsKeyPem,
  client_ca_file: tlsKeys.tlsClientCaFile,
  client_ca_file_reload: tlsKeys.tlsClientCaReload,
  min_version: tlsKeys.tlsMinVersion,
  max_version: tlsKeys.tlsMaxVersion,
  cipher_suites: tlsKeys.tlsCipherSuites,
  curve_preferences: tlsKeys.tlsCurvePreferences,
  reload_interval: tlsKeys.tlsReloadInterval,
  ...inertKeys(IN_VAIN, { ca_file: text, ca_pem: secret, include_system_ca_certs_pool: toggle }),
  ...inertKeys("suites that are not secure are taken by no client that one would let in", {
    include_insecure_cipher_suites: toggle,
  }),
  ...unbuiltKeys("keys in a TPM are", { tpm: textMap }),
});

/** What gRPC receivers take besides their endpoint. */
export const grpcKeys = {
  max_recv_msg_size_mib: grpcMessageMib,
  max_concurrent_streams: grpcStreams,
  keepalive: block({
    server_parameters: block({
      max_connection_idle: grpcKeepaliveKeys.connectionIdle,
      max_connection_age: grpcKeepaliveKeys.connectionAge,
      max_connection_age_grace: grpcKeepaliveKeys.connectionAgeGrace,
      time: grpcKeepaliveKeys.pingAfter,
      timeout: grpcKeepaliveKeys.pingTimeout,
    }),
    enforcement_policy: block({
      min_time: grpcKeepaliveKeys.pingMinInterval,
      permit_without_stream: grpcKeepaliveKeys.pingWithoutStream,
    }),
  }),
  tls: tlsServer,
  ...unbuiltKeys("other transports than tcp are", { transport: offWhen(text, "tcp") }),
  ...unbuiltKeys("authentication is", { auth: textMap }),
  ...unbuiltKeys("middlewares are", { middlewares: itemList }),
  ...inertKeys("a server calls nobody", { dialer: textMap }),
  ...inertKeys("the runtime's own buffers are used", {
    read_buffer_size: offWhen(byteSize, 0),
    write_buffer_size: offWhen(byteSize, 0),
  }),
  ...inertKeys("the tenant's metadata is always read, and nothing asks for the others", {
    include_metadata: toggle,
  }),
} as const satisfies Readonly<Record<string, Key>>;

/** What HTTP receivers take besides their endpoint. */
export const httpKeys = {
  max_request_body_size: maxRequestBodySize,
  tls: tlsServer,
  cors: block({
    allowed_origins: corsKeys.allowedOrigins,
    allowed_headers: corsKeys.allowedHeaders,
    exposed_headers: corsKeys.exposedHeaders,
    max_age: corsKeys.maxAge,
  }),
  ...unbuiltKeys("other transports than tcp are", { transport: offWhen(text, "tcp") }),
  ...unbuiltKeys("authentication is", { auth: textMap }),
  ...unbuiltKeys("extra response headers are", { response_headers: textMap }),
  ...unbuiltKeys("a choice of compression algorithms is", { compression_algorithms: textList }),
  ...unbuiltKeys("a receiver without keep-alive is", { keep_alives_enabled: offWhen(flag, true) }),
  ...unbuiltKeys("middlewares are", { middlewares: itemList }),
  ...unbuiltKeys("timeouts of a single receiver are", httpTimeouts),
  ...inertKeys("the tenant's header is always read, and nothing asks for the others", {
    include_metadata: toggle,
  }),
} as const satisfies Readonly<Record<string, Key>>;

export const otlpHttp = block({
  endpoint: otlpHttpEndpoint,
  ...httpKeys,
  traces_url_path: otlpHttpTracesUrlPath,
  ...inertKeys("traces are all that is received", {
    metrics_url_path: text,
    logs_url_path: text,
  }),
});

const OPENS = { byPresence: true } as const;

const otlp = block({
  protocols: block({
    grpc: block({ endpoint: otlpGrpcEndpoint, ...grpcKeys }),
    http: otlpHttp,
  }),
});

const udpKeys = {
  max_packet_size: udpPacketBytes,
  queue_size: udpQueuePackets,
  socket_buffer_size: udpBufferBytes,
  ...inertKeys("one thread reads a socket", { workers: count }),
} as const satisfies Readonly<Record<string, Key>>;

const jaeger = block({
  protocols: block({
    grpc: block({ endpoint: jaegerGrpcEndpoint, ...grpcKeys }),
    thrift_http: block({ endpoint: jaegerHttpEndpoint, ...httpKeys }),
    thrift_compact: block({ endpoint: jaegerCompactEndpoint, ...udpKeys }),
    thrift_binary: block({ endpoint: jaegerBinaryEndpoint, ...udpKeys }),
  }),
  remote_sampling: block({
    host_endpoint: samplingEndpoint,
    strategy_file: samplingFile,
    strategy_file_reload_interval: samplingReload,
    ...unbuiltKeys("strategies of another collector are", { endpoint: text }),
    tls: unbuiltBlock("TLS to another collector is", tls),
  }),
});

const zipkin = block({
  endpoint: zipkinEndpoint,
  ...httpKeys,
  parse_string_tags: zipkinParseStringTags,
});

const kafka = unbuiltBlock(
  "kafka receivers are",
  {
    brokers: textList,
    protocol_version: text,
    resolve_canonical_bootstrap_servers_only: flag,
    session_timeout: duration,
    heartbeat_interval: duration,
    topic: text,
    encoding: text,
    group_id: text,
    group_instance_id: text,
    client_id: text,
    initial_offset: text,
    rack_id: text,
    traces: textMap,
    auth: textMap,
    tls,
    metadata: textMap,
    autocommit: textMap,
    message_marking: textMap,
    header_extraction: textMap,
    error_backoff: textMap,
    min_fetch_size: byteSize,
    default_fetch_size: byteSize,
    max_fetch_size: byteSize,
    max_fetch_wait: duration,
  },
  OPENS,
);

/** Tempo 3 removed it; its clients speak OTLP since years. */
const opencensus = unbuiltBlock(
  "opencensus receivers, which Tempo removed as well, are",
  { ...grpcServer, cors_allowed_origins: textList },
  OPENS,
);

export const receivers: Block = {
  ...block({ otlp, jaeger, zipkin, kafka, opencensus }),
  named: true,
};
