/** `server` and `internal_server`: the listeners of the API. */

import { grpcTls, httpTls } from "../server-tls.ts";
import {
  gracefulShutdownTimeout,
  grpcListenAddress,
  grpcListenPort,
  grpcStreamsMax,
  httpIdleTimeout,
  httpListenAddress,
  httpListenPort,
  httpReadTimeout,
  httpWriteTimeout,
  logFormat,
  logLevel,
} from "../settings.ts";
import {
  byteSize,
  count,
  duration,
  durationOrOff,
  flag,
  offWhen,
  port,
  secret,
  text,
  toggle,
} from "../value/value.ts";
import {
  type Block,
  block,
  inertBlock,
  inertKeys,
  unbuiltBlock,
  unbuiltKeys,
  type ValueTree,
} from "./key.ts";

const tls = {
  cert: text,
  key: secret,
  client_ca: text,
  cert_file: text,
  key_file: text,
  client_auth_type: text,
  client_ca_file: text,
} as const satisfies ValueTree;

const network = offWhen(text, "tcp");

const grpcMessages = {
  grpc_server_max_recv_msg_size: byteSize,
  grpc_server_max_send_msg_size: byteSize,
} as const;

const grpcPings = {
  grpc_server_keepalive_time: duration,
  grpc_server_keepalive_timeout: duration,
  grpc_server_min_time_between_pings: duration,
  grpc_server_ping_without_stream_allowed: flag,
} as const;

const grpcAge = {
  grpc_server_max_connection_age: duration,
  grpc_server_max_connection_age_grace: duration,
} as const;

const grpcGo = {
  grpc_collect_max_streams_by_conn: toggle,
  grpc_server_num_workers: count,
  grpc_server_stats_tracking_enabled: flag,
  grpc_server_recv_buffer_pools_enabled: flag,
  grpc_server_read_buffer_size: byteSize,
  grpc_server_write_buffer_size: byteSize,
} as const;

/** Of a listener that is not built: all of them. */
const grpc = {
  grpc_listen_network: network,
  grpc_listen_address: text,
  grpc_listen_port: offWhen(port, 0),
  grpc_listen_conn_limit: offWhen(count, 0),
  grpc_server_max_concurrent_streams: count,
  grpc_server_max_connection_idle: duration,
  ...grpcMessages,
  ...grpcPings,
  ...grpcAge,
  ...grpcGo,
} as const;

const requestLog = {
  log_source_ips_enabled: toggle,
  log_source_ips_full: toggle,
  log_source_ips_header: text,
  log_source_ips_regex: text,
  log_request_headers: toggle,
  log_request_at_info_level_enabled: toggle,
  log_request_exclude_headers_list: text,
  http_log_closed_connections_without_response_enabled: toggle,
} as const;

const requestTrace = {
  trace_request_headers: toggle,
  trace_request_exclude_headers_list: text,
  create_new_traces: toggle,
} as const;

const clusterValidation = {
  label: text,
  additional_labels: text,
  grpc: { enabled: toggle, soft_validation: toggle },
  http: {
    enabled: toggle,
    soft_validation: toggle,
    excluded_paths: text,
    excluded_user_agents: text,
  },
} as const satisfies ValueTree;

const instrumentation = {
  register_instrumentation: flag,
  report_grpc_codes_in_instrumentation_label_enabled: toggle,
} as const;

const GO_METRICS = "the metrics of requests are always registered, with one set of labels";

export const server = block({
  http_listen_address: httpListenAddress,
  http_listen_port: httpListenPort,
  log_level: logLevel,
  log_format: logFormat,
  graceful_shutdown_timeout: gracefulShutdownTimeout,
  http_server_read_timeout: httpReadTimeout,
  http_server_write_timeout: httpWriteTimeout,
  http_server_idle_timeout: httpIdleTimeout,
  ...unbuiltKeys("other networks than tcp are", { http_listen_network: network }),
  ...unbuiltKeys("limits on connections are", { http_listen_conn_limit: offWhen(count, 0) }),
  ...unbuiltKeys("a limit of its own on the time of the headers is", {
    http_server_read_header_timeout: durationOrOff,
  }),
  ...unbuiltKeys("the proxy protocol is", { proxy_protocol_enabled: toggle }),
  ...unbuiltKeys("a prefix before all paths is", { http_path_prefix: text }),
  ...unbuiltKeys("a choice of suites and versions of TLS is", {
    tls_cipher_suites: text,
    tls_min_version: text,
  }),
  http_tls_config: tlsBlock(httpTls),
  grpc_tls_config: tlsBlock(grpcTls),
  grpc_listen_address: grpcListenAddress,
  grpc_listen_port: grpcListenPort,
  grpc_server_max_concurrent_streams: grpcStreamsMax,
  ...unbuiltKeys("other networks than tcp are", { grpc_listen_network: network }),
  ...unbuiltKeys("limits on connections are", { grpc_listen_conn_limit: offWhen(count, 0) }),
  ...inertKeys("questions are small, and answers come in packets", grpcMessages),
  ...inertKeys("clients may ping, and idle connections are closed as those of HTTP", {
    ...grpcPings,
    grpc_server_max_connection_idle: duration,
  }),
  ...unbuiltKeys("a limit on the age of connections is", grpcAge),
  ...inertKeys("this is no Go program", grpcGo),
  ...unbuiltKeys("the log of single requests is", requestLog),
  ...unbuiltKeys("tracing of the server's own requests is", requestTrace),
  ...inertKeys(GO_METRICS, instrumentation),
  cluster_validation: unbuiltBlock("cluster validation is", clusterValidation),
});

function tlsBlock(keys: typeof httpTls): Block {
  return block({
    cert_file: keys.certFile,
    key_file: keys.keyFile,
    client_ca_file: keys.clientCaFile,
    client_auth_type: keys.clientAuth,
    ...unbuiltKeys("certificates within the configuration are", {
      cert: text,
      key: secret,
      client_ca: text,
    }),
  });
}

/** A second listener for the cluster's own calls. Off unless it is enabled, as in Tempo. */
export const internalServer = block({
  ...unbuiltKeys("the internal server is", { enable: toggle }),
  ...inertBlock("the internal server is off", {
    ...asText([
      ...["http_listen_address", "http_listen_network", "tls_cipher_suites", "tls_min_version"],
      ...["http_path_prefix", "log_format", "log_level"],
    ]),
    http_listen_port: port,
    http_listen_conn_limit: offWhen(count, 0),
    proxy_protocol_enabled: toggle,
    graceful_shutdown_timeout: duration,
    http_server_read_timeout: duration,
    http_server_read_header_timeout: durationOrOff,
    http_server_write_timeout: duration,
    http_server_idle_timeout: duration,
    http_tls_config: tls,
    grpc_tls_config: tls,
    ...grpc,
    ...requestLog,
    ...requestTrace,
    ...instrumentation,
    cluster_validation: clusterValidation,
  }).keys,
});

function asText(names: readonly string[]): Record<string, typeof text> {
  return Object.fromEntries(names.map((name) => [name, text]));
}
