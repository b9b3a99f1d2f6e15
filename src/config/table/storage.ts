/** `storage.trace`: where blocks and log lie, and how Tempo writes and finds its own. */
import { blockListPoll } from "../bucket-settings.ts";
import { gcsKeys } from "../gcs-settings.ts";
import { s3Keys } from "../s3-settings.ts";
import { localPath, storageBackend, walPath } from "../settings.ts";
import {
  byteSize,
  count,
  decimal,
  duration,
  durationOrOff,
  flag,
  integer,
  itemList,
  offWhen,
  secret,
  text,
  textMap,
  toggle,
} from "../value/value.ts";
import { cacheClientTrees } from "./cache.ts";
import { block, inertBlock, inertKeys, unbuiltBlock, unbuiltKeys, type ValueTree } from "./key.ts";
import { tlsClient } from "./ring.ts";

const FORMAT = "blocks have one layout of their own, with a column for every attribute";
const NOT_CHOSEN = "it belongs to a backend that storage.trace.backend does not choose";
const LISTED = "a poll is one listing of all names, and gets what is new";

export const blockTree = {
  version: text,
  bloom_filter_false_positive: decimal,
  bloom_filter_shard_size_bytes: byteSize,
  parquet_row_group_size_bytes: byteSize,
  parquet_dedicated_columns: itemList,
  v2_index_downsample_bytes: byteSize,
  v2_index_page_size_bytes: byteSize,
  v2_encoding: text,
  search_encoding: text,
  search_page_size_bytes: byteSize,
} as const satisfies ValueTree;

export const blockFormat = inertBlock(FORMAT, blockTree);

const hedge = { hedge_requests_at: durationOrOff, hedge_requests_up_to: count } as const;

export const backendTrees = {
  s3: {
    bucket: text,
    prefix: text,
    endpoint: text,
    region: text,
    access_key: secret,
    secret_key: secret,
    session_token: secret,
    insecure: flag,
    part_size: byteSize,
    ...hedge,
    retry_max_attempts: count,
    retry_backoff_initial: duration,
    retry_backoff_max: duration,
    signature_v2: toggle,
    forcepathstyle: flag,
    enable_dual_stack: toggle,
    bucket_lookup_type: integer,
    tags: textMap,
    storage_class: text,
    metadata: textMap,
    native_aws_auth_enabled: toggle,
    list_blocks_concurrency: count,
    ...tlsClient,
    checksum_type: text,
    sse: { type: text, kms_key_id: text, kms_encryption_context: text, encryption_key: secret },
  },
  gcs: {
    bucket_name: text,
    prefix: text,
    chunk_buffer_size: byteSize,
    endpoint: text,
    ...hedge,
    insecure: flag,
    object_cache_control: text,
    object_metadata: textMap,
    list_blocks_concurrency: count,
    max_retries: count,
  },
  azure: {
    storage_account_name: text,
    storage_account_key: secret,
    use_managed_identity: toggle,
    use_federated_token: toggle,
    user_assigned_id: text,
    container_name: text,
    prefix: text,
    endpoint_suffix: text,
    max_buffers: count,
    buffer_size: byteSize,
    ...hedge,
    use_v2_sdk: toggle,
  },
} as const satisfies ValueTree;

const LISTING = "one listing finds all blocks, a thousand in each request";

const s3 = block({
  bucket: s3Keys.bucket,
  prefix: s3Keys.prefix,
  endpoint: s3Keys.endpoint,
  region: s3Keys.region,
  access_key: s3Keys.accessKey,
  secret_key: s3Keys.secretKey,
  session_token: s3Keys.sessionToken,
  insecure: s3Keys.insecure,
  part_size: s3Keys.partSize,
  hedge_requests_at: s3Keys.hedgeAt,
  hedge_requests_up_to: s3Keys.hedgeUpTo,
  retry_max_attempts: s3Keys.attempts,
  retry_backoff_initial: s3Keys.waitInitial,
  retry_backoff_max: s3Keys.waitMax,
  forcepathstyle: s3Keys.pathStyle,
  enable_dual_stack: s3Keys.dualStack,
  bucket_lookup_type: s3Keys.bucketLookup,
  tags: s3Keys.tags,
  storage_class: s3Keys.storageClass,
  metadata: s3Keys.metadata,
  ...unbuiltKeys("signatures of version 2 are", { signature_v2: toggle }),
  ...inertKeys("AWS's own chain is asked whenever there is no access_key", {
    native_aws_auth_enabled: toggle,
  }),
  ...inertKeys(LISTING, { list_blocks_concurrency: count }),
  ...inertKeys("insecure says whether there is TLS", { tls_enabled: toggle }),
  tls_cert_path: s3Keys.certPath,
  tls_key_path: s3Keys.keyPath,
  tls_ca_path: s3Keys.caPath,
  tls_server_name: s3Keys.serverName,
  tls_insecure_skip_verify: s3Keys.skipVerify,
  ...unbuiltKeys("a choice of ciphers for the store is", { tls_cipher_suites: text }),
  ...unbuiltKeys("a choice of TLS versions for the store is", {
    // Nothing older is spoken.
    tls_min_version: offWhen(text, "VersionTLS10", "VersionTLS11", "VersionTLS12"),
  }),
  ...unbuiltKeys("checksums of the store are", { checksum_type: text }),
  sse: block({
    type: s3Keys.sseType,
    kms_key_id: s3Keys.sseKeyId,
    kms_encryption_context: s3Keys.sseContext,
    encryption_key: s3Keys.sseKey,
  }),
});

const gcs = block({
  bucket_name: gcsKeys.bucket,
  prefix: gcsKeys.prefix,
  chunk_buffer_size: gcsKeys.chunkSize,
  endpoint: gcsKeys.endpoint,
  hedge_requests_at: gcsKeys.hedgeAt,
  hedge_requests_up_to: gcsKeys.hedgeUpTo,
  insecure: gcsKeys.insecure,
  object_cache_control: gcsKeys.cacheControl,
  object_metadata: gcsKeys.metadata,
  ...inertKeys(LISTING, { list_blocks_concurrency: count }),
  max_retries: gcsKeys.attempts,
});

const trace = block({
  backend: storageBackend,
  local: block({ path: localPath }),
  wal: block({
    path: walPath,
    ...inertKeys("the write-ahead log has one format and keeps the times of spans as sent", {
      ingestion_time_range_slack: duration,
      version: text,
      v2_encoding: text,
      encoding: text,
      search_encoding: text,
      completedfilepath: text,
      blocksfilepath: text,
    }),
  }),
  s3,
  gcs,
  azure: inertBlock(NOT_CHOSEN, backendTrees.azure),
  block: blockFormat,
  pool: inertBlock("reads of blocks run in the query threads", {
    max_workers: count,
    queue_depth: count,
  }),
  search: inertBlock("reads of blocks follow the query's plan, page by page", {
    chunk_size_bytes: byteSize,
    prefetch_trace_count: count,
    read_buffer_count: count,
    read_buffer_size_bytes: byteSize,
    cache_control: { footer: toggle, column_index: toggle, offset_index: toggle },
  }),
  blocklist_poll: blockListPoll,
  ...inertKeys(LISTED, {
    blocklist_poll_concurrency: count,
    blocklist_poll_tenant_concurrency: count,
    blocklist_poll_fallback: flag,
    blocklist_poll_tenant_index_builders: count,
    blocklist_poll_stale_tenant_index: durationOrOff,
    blocklist_poll_jitter_ms: count,
    blocklist_poll_tolerate_consecutive_errors: count,
    blocklist_poll_tolerate_tenant_failures: count,
    empty_tenant_deletion_enabled: toggle,
    empty_tenant_deletion_age: durationOrOff,
  }),
  ...unbuiltKeys("caches are", { cache: text }),
  background_cache: inertBlock("there is no cache to write back to", {
    writeback_goroutines: count,
    writeback_buffer: count,
  }),
  memcached: unbuiltBlock("memcached caches are", cacheClientTrees.memcached),
  redis: unbuiltBlock("redis caches are", cacheClientTrees.redis),
  ...inertKeys("there is no cache to choose blocks for", {
    cache_min_compaction_level: offWhen(count, 0),
    cache_max_block_age: durationOrOff,
  }),
});

export const storage = block({ trace });
