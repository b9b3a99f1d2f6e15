/** How Tempo's processes find and reach each other. One process has none of it. */
import {
  byteSize,
  count,
  decimal,
  duration,
  flag,
  integer,
  offWhen,
  secret,
  text,
  textList,
  toggle,
} from "../value/value.ts";
import { inertBlock, type ValueTree } from "./key.ts";

const ONE_PROCESS = "all modules run in one process, which has no ring and no peers";

export const tlsClient = {
  tls_enabled: toggle,
  tls_cert_path: text,
  tls_key_path: text,
  tls_ca_path: text,
  tls_server_name: text,
  tls_insecure_skip_verify: toggle,
  tls_cipher_suites: text,
  tls_min_version: text,
} as const satisfies ValueTree;

export const backoff = {
  min_period: duration,
  max_period: duration,
  max_retries: count,
} as const satisfies ValueTree;

const kvstore = {
  store: text,
  prefix: text,
  consul: {
    host: text,
    acl_token: secret,
    http_client_timeout: duration,
    consistent_reads: flag,
    watch_rate_limit: decimal,
    watch_burst_size: count,
    cas_retry_delay: duration,
  },
  etcd: {
    endpoints: textList,
    dial_timeout: duration,
    max_retries: count,
    ...tlsClient,
    username: text,
    password: secret,
  },
  multi: { primary: text, secondary: text, mirror_enabled: toggle, mirror_timeout: duration },
} as const satisfies ValueTree;

const ringTree = {
  kvstore,
  heartbeat_period: duration,
  heartbeat_timeout: duration,
  instance_id: text,
  instance_interface_names: textList,
  instance_port: count,
  instance_addr: text,
  instance_zone: text,
  instance_availability_zone: text,
  enable_inet6: toggle,
  replication_factor: count,
  zone_awareness_enabled: toggle,
  excluded_zones: text,
  wait_stability_min_duration: duration,
  wait_stability_max_duration: duration,
  wait_active_instance_timeout: duration,
} as const satisfies ValueTree;

export const ring = inertBlock(ONE_PROCESS, ringTree);

export const partitionRing = inertBlock(ONE_PROCESS, {
  kvstore,
  min_partition_owners_count: count,
  min_partition_owners_duration: duration,
  delete_inactive_partition_after: duration,
  delete_inactive_partition_on_shutdown: flag,
});

export const lifecycler = inertBlock(ONE_PROCESS, {
  ring: ringTree,
  num_tokens: count,
  heartbeat_period: duration,
  heartbeat_timeout: duration,
  observe_period: duration,
  join_after: duration,
  min_ready_duration: duration,
  interface_names: textList,
  enable_inet6: toggle,
  final_sleep: duration,
  tokens_file_path: text,
  availability_zone: text,
  unregister_on_shutdown: flag,
  readiness_check_ring_health: flag,
  address: text,
  port: count,
  id: text,
});

export const grpcClient = {
  max_recv_msg_size: byteSize,
  max_send_msg_size: byteSize,
  grpc_compression: text,
  rate_limit: decimal,
  rate_limit_burst: count,
  backoff_on_ratelimits: flag,
  backoff_config: backoff,
  initial_stream_window_size: byteSize,
  initial_connection_window_size: byteSize,
  ...tlsClient,
  connect_timeout: duration,
  connect_backoff_base_delay: duration,
  connect_backoff_max_delay: duration,
  cluster_validation: { label: text },
} as const satisfies ValueTree;

const clientTree = {
  pool_config: {
    checkinterval: duration,
    healthcheckenabled: flag,
    healthchecktimeout: duration,
    healthcheckgraceperiod: duration,
    maxconcurrenthealthchecks: count,
  },
  remote_timeout: duration,
  grpc_client_config: grpcClient,
} as const satisfies ValueTree;

/** ingester_client, live_store_client, metrics_generator_client, backend_scheduler_client. */
export const moduleClient = inertBlock("modules do not call each other by gRPC", clientTree);

export const memberlist = inertBlock(ONE_PROCESS, {
  node_name: text,
  randomize_node_name: flag,
  stream_timeout: duration,
  retransmit_factor: count,
  pull_push_interval: duration,
  gossip_interval: duration,
  gossip_nodes: count,
  gossip_to_dead_nodes_time: duration,
  dead_node_reclaim_time: duration,
  compression_enabled: flag,
  compression_algorithm: text,
  received_messages_queue_size: count,
  processed_messages_queue_size: count,
  notify_interval: duration,
  advertise_addr: text,
  advertise_port: count,
  cluster_label: text,
  cluster_label_verification_disabled: flag,
  join_members: textList,
  min_join_backoff: duration,
  max_join_backoff: duration,
  max_join_retries: integer,
  abort_if_cluster_fast_join_fails: flag,
  abort_if_cluster_fast_join_fails_min_nodes: count,
  abort_if_cluster_join_fails: flag,
  rejoin_interval: duration,
  rejoin_seed_nodes: textList,
  left_ingesters_timeout: duration,
  obsolete_entries_timeout: duration,
  leave_timeout: duration,
  broadcast_timeout_for_local_updates_on_shutdown: duration,
  message_history_buffer_bytes: byteSize,
  watch_prefix_buffer_size: count,
  bind_addr: textList,
  bind_port: offWhen(count, 0),
  packet_dial_timeout: duration,
  packet_write_timeout: duration,
  max_concurrent_writes: count,
  acquire_writer_timeout: duration,
  ...tlsClient,
  propagation_delay_tracker: {
    enabled: toggle,
    beacon_interval: duration,
    beacon_lifetime: duration,
    log_beacons_latency_longer_than: duration,
  },
  zone_aware_routing: { enabled: toggle, instance_availability_zone: text, role: text },
});
