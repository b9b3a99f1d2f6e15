/** `cache`: Tempo's caches outside the process. */
import {
  byteSize,
  count,
  decimal,
  duration,
  durationOrOff,
  flag,
  itemList,
  secret,
  text,
  toggle,
} from "../value/value.ts";
import { block, inertBlock, unbuiltKeys, type ValueTree } from "./key.ts";
import { tlsClient } from "./ring.ts";

/** Also below `storage.trace`, where Tempo had them until 2.4. */
export const cacheClientTrees = {
  memcached: {
    expiration: durationOrOff,
    host: text,
    service: text,
    addresses: text,
    timeout: duration,
    connect_timeout: durationOrOff,
    max_idle_conns: count,
    min_idle_conns_headroom_percentage: decimal,
    max_item_size: byteSize,
    update_interval: duration,
    consistent_hash: flag,
    circuit_breaker_consecutive_failures: count,
    circuit_breaker_timeout: duration,
    circuit_breaker_interval: duration,
    ttl: durationOrOff,
    ...tlsClient,
  },
  redis: {
    endpoint: text,
    master_name: text,
    timeout: duration,
    ttl: durationOrOff,
    db: count,
    pool_size: count,
    username: text,
    password: secret,
    sentinel_username: text,
    sentinel_password: secret,
    single_node: toggle,
    expiration: durationOrOff,
    route_by_latency: toggle,
    route_randomly: toggle,
    read_only: toggle,
    max_redirects: count,
    min_idle_conns: count,
    max_item_size: byteSize,
    ...tlsClient,
    idle_timeout: durationOrOff,
    max_connection_age: durationOrOff,
    conn_max_idle_time: durationOrOff,
    conn_max_lifetime: durationOrOff,
  },
} as const satisfies ValueTree;

export const cache = block({
  background: inertBlock("there is no cache to write back to", {
    writeback_goroutines: count,
    writeback_buffer: count,
  }),
  ...unbuiltKeys("memcached and redis caches are", { caches: itemList }),
});
