/** `distributor` and `ingest`: what happens to a request before it is written. */
import { distributorAttributeBytes } from "../limit-settings.ts";
import { type SpanLogSettings, spanLogs } from "../span-log-settings.ts";
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
  textMap,
  toggle,
} from "../value/value.ts";
import { alias, block, inertKeys, unbuiltBlock, unbuiltKeys, type ValueTree } from "./key.ts";
import { receivers } from "./receivers.ts";
import { ring, tlsClient } from "./ring.ts";

const spanLog = ({ enabled, withAttributes, errorsOnly }: SpanLogSettings) =>
  block({
    enabled,
    include_all_attributes: withAttributes,
    filter_by_status_error: errorsOnly,
  });

/** In Tempo's defaults for a distributor, durations and sizes are zero: not set. */
const kafka = {
  address: text,
  topic: text,
  client_id: text,
  client_rack: text,
  dial_timeout: durationOrOff,
  write_timeout: durationOrOff,
  sasl_mechanism: text,
  sasl_username: text,
  sasl_password: secret,
  sasl_oauthbearer_token: secret,
  sasl_oauthbearer_zid: text,
  sasl_oauthbearer_extensions: textMap,
  sasl_oauthbearer_file_path: text,
  sasl_oauthbearer_http_socket_path: text,
  sasl_oauthbearer_http_socket_timeout: durationOrOff,
  sasl_msk_iam_access_key: secret,
  sasl_msk_iam_secret_key: secret,
  sasl_msk_iam_session_token: secret,
  sasl_msk_iam_user_agent: text,
  sasl_msk_iam_file_path: text,
  sasl_msk_iam_http_socket_path: text,
  sasl_msk_iam_http_socket_timeout: durationOrOff,
  ...tlsClient,
  consumer_group: text,
  consumer_group_offset_commit_interval: durationOrOff,
  last_produced_offset_retry_timeout: durationOrOff,
  auto_create_topic_enabled: toggle,
  auto_create_topic_default_partitions: offWhen(count, 0),
  producer_max_record_size_bytes: offWhen(byteSize, 0),
  producer_max_buffered_bytes: offWhen(byteSize, 0),
  producer_compression: text,
  target_consumer_lag_at_startup: durationOrOff,
  max_consumer_lag_at_startup: durationOrOff,
  disable_kafka_telemetry: toggle,
  consumer_group_lag_metric_update_interval: durationOrOff,
} as const satisfies ValueTree;

export const distributor = block({
  receivers,
  ring,
  ...inertKeys("there is one distributor, which finds itself", { override_ring_key: text }),
  ...unbuiltKeys("forwarders are", { forwarders: itemList }),
  usage: block({
    cost_attribution: unbuiltBlock("cost attribution is", {
      max_cardinality: count,
      stale_duration: duration,
    }),
  }),
  ...inertKeys("what is received always goes to the write-ahead log of this process", {
    ingester_write_path_enabled: flag,
    extend_writes: flag,
  }),
  ...unbuiltKeys("the Kafka ingest log is", { kafka_write_path_enabled: toggle }),
  kafka_config: unbuiltBlock("the Kafka ingest log is", kafka),
  log_received_traces: alias(spanLogs.received.enabled),
  log_received_spans: spanLog(spanLogs.received),
  log_discarded_spans: spanLog(spanLogs.discarded),
  metric_received_spans: unbuiltBlock("the metric of received spans by kind is", {
    enabled: toggle,
    root_only: toggle,
  }),
  ...unbuiltKeys("a Retry-After of one's own is", {
    retry_after_on_resource_exhausted: durationOrOff,
  }),
  max_attribute_bytes: distributorAttributeBytes,
  ...unbuiltKeys("artificial delay is", { artificial_delay: durationOrOff }),
});

export const ingest = block({
  ...unbuiltKeys("the Kafka ingest log is", { enabled: toggle }),
  kafka: unbuiltBlock("the Kafka ingest log is", kafka),
});
