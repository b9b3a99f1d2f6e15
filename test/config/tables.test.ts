/**
 * No option is read and ignored: for every key of the tables, a file with this key alone changes
 * the configuration, is warned about, or does not start.
 */
import { describe, expect, test } from "vitest";
import { effectiveConfig } from "../../src/config/effective-config.ts";
import { findingLines } from "../../src/config/finding.ts";
import { flags, helpText } from "../../src/config/flags.ts";
import { defaultConfig } from "../../src/config/load-config.ts";
import { receiverPath, receiverTypes } from "../../src/config/receiver/receiver-types.ts";
import { settings } from "../../src/config/settings.ts";
import { type AnySetting, flatten, type Key, type Leaf } from "../../src/config/table/key.ts";
import { root } from "../../src/config/table/root.ts";
import { readValue, type Value } from "../../src/config/value/value.ts";
import { configOf, loadText, problemsOf, yamlAt } from "./load-text.ts";

const all = flatten(root);
const leaves = all.filter((one): one is { path: string; key: Leaf } => one.key.kind !== "block");

/** Another value than the default for every setting, and null where only one value is built. */
const examples: Readonly<Record<string, string | null>> = {
  target: null,
  multitenancy_enabled: "true",
  http_api_prefix: "/tempo",
  shutdown_delay: "5s",
  "server.http_listen_address": "0.0.0.0",
  "server.http_listen_port": "3300",
  stream_over_http_enabled: "false",
  "server.grpc_listen_address": "0.0.0.0",
  "server.grpc_listen_port": "9096",
  "server.grpc_server_max_concurrent_streams": "10",
  "query_frontend.max_grpc_streaming_packet_size": "2MiB",
  "server.http_tls_config.cert_file": "/other.pem",
  "server.http_tls_config.key_file": "/other.key",
  "server.http_tls_config.client_ca_file": "/ca.pem",
  "server.http_tls_config.client_auth_type": "RequireAndVerifyClientCert",
  "server.grpc_tls_config.cert_file": "/other.pem",
  "server.grpc_tls_config.key_file": "/other.key",
  "server.grpc_tls_config.client_ca_file": "/ca.pem",
  "server.grpc_tls_config.client_auth_type": "RequireAndVerifyClientCert",
  "server.log_level": "debug",
  "server.log_format": "json",
  "server.graceful_shutdown_timeout": "10s",
  "server.http_server_read_timeout": "1m",
  "server.http_server_write_timeout": "0s",
  "server.http_server_idle_timeout": "255s",
  "querier.search.query_timeout": "10s",
  "query_frontend.max_query_expression_size_bytes": "64KiB",
  "query_frontend.query_end_cutoff": "30s",
  "query_frontend.search.default_result_limit": "50",
  "query_frontend.search.max_result_limit": "0",
  "query_frontend.search.default_spans_per_span_set": "5",
  "query_frontend.search.max_spans_per_span_set": "0",
  "query_frontend.search.max_duration": "168h",
  "query_frontend.metrics.max_duration": "24h",
  "query_frontend.metrics.max_intervals": "5000",
  "query_frontend.metrics.max_exemplars": "0",
  "query_frontend.metrics.max_response_series": "1000",
  "overrides.defaults.read.max_bytes_per_tag_values_query": "5MiB",
  "overrides.defaults.ingestion.rate_limit_bytes": "1MB",
  "overrides.defaults.ingestion.burst_size_bytes": "2MB",
  "overrides.defaults.ingestion.max_attribute_bytes": "2048",
  "overrides.defaults.ingestion.max_attribute_keys": "128",
  "overrides.defaults.ingestion.max_traces_per_user": "10000",
  "overrides.defaults.ingestion.max_global_traces_per_user": "20000",
  "overrides.defaults.global.max_bytes_per_trace": "5MB",
  "distributor.max_attribute_bytes": "1KiB",
  "distributor.log_received_spans.enabled": "true",
  "distributor.log_received_spans.include_all_attributes": "true",
  "distributor.log_received_spans.filter_by_status_error": "true",
  "distributor.log_discarded_spans.enabled": "true",
  "distributor.log_discarded_spans.include_all_attributes": "true",
  "distributor.log_discarded_spans.filter_by_status_error": "true",
  "live_store.max_trace_idle": "10s",
  "overrides.per_tenant_override_config": "/overrides.yaml",
  "overrides.per_tenant_override_period": "1m",
  "storage.trace.backend": "s3",
  "storage.trace.local.path": "/b",
  "storage.trace.wal.path": "/w",
  "storage.trace.s3.bucket": "traces",
  "storage.trace.s3.prefix": "/a/b/",
  "storage.trace.s3.endpoint": "minio:9000",
  "storage.trace.s3.region": "eu-west-1",
  "storage.trace.s3.access_key": "key",
  "storage.trace.s3.secret_key": "secret",
  "storage.trace.s3.session_token": "token",
  "storage.trace.s3.insecure": "true",
  "storage.trace.s3.forcepathstyle": "true",
  "storage.trace.s3.bucket_lookup_type": "2",
  "storage.trace.s3.enable_dual_stack": "true",
  "storage.trace.s3.part_size": "16MiB",
  "storage.trace.s3.hedge_requests_at": "500ms",
  "storage.trace.s3.hedge_requests_up_to": "3",
  "storage.trace.s3.retry_max_attempts": "9",
  "storage.trace.s3.retry_backoff_initial": "10ms",
  "storage.trace.s3.retry_backoff_max": "30s",
  "storage.trace.s3.tls_ca_path": "/ca.pem",
  "storage.trace.s3.tls_cert_path": "/c.pem",
  "storage.trace.s3.tls_key_path": "/k.pem",
  "storage.trace.s3.tls_server_name": "minio.internal",
  "storage.trace.s3.tls_insecure_skip_verify": "true",
  "storage.trace.s3.sse.type": "SSE-KMS",
  "storage.trace.s3.sse.kms_key_id": "key",
  "storage.trace.s3.sse.kms_encryption_context": `'{"a":"b"}'`,
  "storage.trace.s3.sse.encryption_key": "0123456789abcdef0123456789abcdef",
  "storage.trace.s3.storage_class": "STANDARD_IA",
  "storage.trace.s3.tags": "team=a",
  "storage.trace.s3.metadata": "team=a",
  "storage.trace.gcs.bucket_name": "traces",
  "storage.trace.gcs.prefix": "a/b",
  "storage.trace.gcs.chunk_buffer_size": "1MiB",
  "storage.trace.gcs.endpoint": "http://127.0.0.1:4443/storage/v1/",
  "storage.trace.gcs.insecure": "true",
  "storage.trace.gcs.hedge_requests_at": "500ms",
  "storage.trace.gcs.hedge_requests_up_to": "3",
  "storage.trace.gcs.object_cache_control": "no-store",
  "storage.trace.gcs.object_metadata": "team=a",
  "storage.trace.gcs.max_retries": "9",
  "backend_scheduler.provider.compaction.compaction.block_retention": "24h",
  "live_store.max_block_duration": "1m",
  "vivace.memory_budget_bytes": "256MiB",
  "vivace.wal_bytes_max": "4GiB",
  "vivace.ingress_threads": "7",
  "vivace.in_flight_bytes_max": "32MiB",
  "storage.trace.blocklist_poll": "30s",
  "backend_scheduler.provider.compaction.compaction.compacted_block_retention": "2h",
  "backend_scheduler.provider.compaction.compaction.compaction_window": "2h",
  "backend_scheduler.provider.compaction.compaction.max_compaction_objects": "1000",
  "backend_scheduler.provider.compaction.compaction.max_block_bytes": "1GiB",
  "backend_scheduler.provider.compaction.compaction.compaction_cycle": "1m",
  "compactor.disabled": "true",
  "vivace.retention_rules": '[{"filter": "{ status = error }", "keep": "90d"}]',
  "overrides.defaults.compaction.block_retention": "24h",
  "overrides.defaults.compaction.compaction_window": "2h",
  "overrides.defaults.compaction.compaction_disabled": "true",
  "vivace.block_cache_bytes_max": "1GiB",
  "vivace.bloom_filter_bytes_max": "64MiB",
  "vivace.upload_backlog_bytes_max": "1GiB",
  "vivace.upload_wait": "10m",
};

/** The same for what receivers take, by the path below their block. */
const receiverExamples: Readonly<Record<string, string>> = {
  endpoint: "'0.0.0.0:4999'",
  max_request_body_size: "1048576",
  traces_url_path: "/otlp",
  parse_string_tags: "true",
  "cors.allowed_origins": "[https://*.example.com]",
  "cors.allowed_headers": "[x-scope-orgid]",
  "cors.exposed_headers": "[retry-after]",
  "cors.max_age": "7200",
  max_packet_size: "1500",
  queue_size: "100",
  socket_buffer_size: "4194304",
  host_endpoint: "'0.0.0.0:5779'",
  strategy_file: "/strategies.json",
  strategy_file_reload_interval: "1m",
  max_recv_msg_size_mib: "16",
  max_concurrent_streams: "100",
  "keepalive.server_parameters.max_connection_idle": "5m",
  "keepalive.server_parameters.max_connection_age": "30m",
  "keepalive.server_parameters.max_connection_age_grace": "1m",
  "keepalive.server_parameters.time": "1m",
  "keepalive.server_parameters.timeout": "5s",
  "keepalive.enforcement_policy.min_time": "10s",
  "keepalive.enforcement_policy.permit_without_stream": "true",
  "tls.cert_file": "/other.pem",
  "tls.key_file": "/other.key",
  "tls.cert_pem": "text",
  "tls.key_pem": "text",
  "tls.client_ca_file": "/ca.pem",
  "tls.client_ca_file_reload": "true",
  "tls.min_version": "1.3",
  "tls.max_version": "'1.2'",
  "tls.cipher_suites": "[TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
  "tls.curve_preferences": "[P256]",
  "tls.reload_interval": "24h",
};

/** Where each setting stands, and its example; several receivers have some in common. */
const places: readonly { path: string; example: string | null; setting: AnySetting }[] = [
  ...settings.map((setting: AnySetting) => {
    return { path: setting.path, example: examples[setting.path], setting };
  }),
  ...Object.values(receiverTypes).flatMap(({ type, below, settings }) =>
    settings.map((setting: AnySetting) => ({
      path: `${receiverPath(type, below)}.${setting.path}`,
      example: receiverExamples[setting.path],
      setting,
    })),
  ),
];

/** What TLS of the API needs besides a key of it. */
function serverTls(key: string): Record<string, string> {
  const clients = { client_ca_file: "/f", client_auth_type: "RequireAndVerifyClientCert" };
  return { cert_file: "/f", key_file: "/f", ...(key.startsWith("client") && clients) };
}

/** What a bucket needs besides its being chosen. */
const BUCKET = { bucket: "traces", endpoint: "minio" };

/** A file with this key alone; where it cannot stand alone, what it needs is given as well. */
function settingYaml(path: string, example: string): string {
  if (path === "storage.trace.backend") {
    return yamlAt(["storage", "trace"], `{backend: ${example}, s3: ${JSON.stringify(BUCKET)}}`);
  }
  const [, tls, key] = /^(.*[._]tls(?:_config)?)\.(\w+)$/.exec(path) ?? [];
  if (tls === undefined) return yamlAt(path.split("."), example);
  const needed = tls.endsWith("_config") ? serverTls(key) : { cert_file: "/f", key_file: "/f" };
  const all = new Map(Object.entries({ ...needed, [key]: example }));
  if (key.endsWith("_pem")) all.delete(key.replace("_pem", "_file"));
  return yamlAt(tls.split("."), `{${[...all].map(([name, value]) => `${name}: ${value}`)}}`);
}

/** Something that the kind takes and that asks for something. */
const candidates = ["true", "false", "13", "0.5", "7s", "13MiB", "text", "[text]", "{a: 1}"];

function asking(kind: Value<unknown>): string | undefined {
  return candidates.find((text) => {
    const raw = rawOf(kind, text);
    const read = readValue(kind, raw);
    return read.ok && !read.off;
  });
}

function rawOf(kind: Value<unknown>, text: string): unknown {
  if (text === "[text]") return ["text"];
  if (text === "{a: 1}") return { a: 1 };
  if (kind.wants === "text") return text;
  if (text === "true" || text === "false") return text === "true";
  return Number.isNaN(Number(text)) ? text : Number(text);
}

describe("the tables", () => {
  test("hold each setting at its own path, and have an example for each", () => {
    const found = leaves.filter(({ key }) => key.kind === "setting");
    const known = new Map(places.map(({ path, setting }) => [path, setting]));
    expect(found.map(({ path }) => path).toSorted()).toEqual([...known.keys()].toSorted());
    for (const { path, key } of found) expect(key, path).toBe(known.get(path));
    for (const { path, example } of places) expect(example, path).not.toBe(undefined);
    for (const path of Object.keys(examples)) expect(known.has(path), path).toBe(true);
  });

  test("give every key a class and a reason", () => {
    const said = (key: Key) => {
      if (key.kind === "inert") return key.reason;
      if (key.kind === "unbuilt") return key.what;
      return key.kind === "alias" ? key.of.path : "honoured";
    };
    for (const { key } of leaves) expect(said(key)).not.toBe("");
    expect(leaves.length).toBeGreaterThan(1_500);
  });

  test("every setting changes the configuration", () => {
    for (const { path, key } of leaves) {
      if (key.kind !== "setting" && key.kind !== "alias") continue;
      const setting = key.kind === "alias" ? key.of : key;
      const place = places.find((one) => one.setting === setting && one.path === path);
      const example = (place ?? places.find((one) => one.setting === setting))?.example;
      if (example === null || example === undefined) continue;
      const config = configOf(settingYaml(path, example));
      // Nobody sees one secret from another, but that there is one.
      if (!setting.value.secret) expect(config, path).not.toEqual(defaultConfig());
      expect(effectiveConfig(config, "diff"), path).not.toBe("{}\n");
    }
  });

  test("every setting that has one built value says so for the others", () => {
    for (const [path, example] of Object.entries(examples)) {
      if (example !== null) continue;
      expect(problemsOf(yamlAt(path.split("."), "nonsense")), path).toHaveLength(1);
    }
  });

  test("every key without meaning is warned about, with its reason", () => {
    for (const { path, key } of leaves) {
      if (key.kind !== "inert") continue;
      const value = asking(key.value);
      expect(value, path).toBeDefined();
      const { config, warnings } = loadText(yamlAt(path.split("."), value ?? ""));
      expect(warnings, path).toHaveLength(1);
      expect(warnings[0], path).toContain(`${path}: has no meaning here: ${key.reason}`);
      // A receiver opens by being named.
      const [opened] = /^distributor\.receivers\.\w+(\.protocols\.\w+)?/.exec(path) ?? [];
      const usual = opened === undefined ? "" : yamlAt(opened.split("."), "null");
      expect(config, path).toEqual(configOf(usual));
    }
  });

  test("every key of a part that is not built stops the start, with one sentence", () => {
    for (const { path, key } of leaves) {
      if (key.kind !== "unbuilt") continue;
      const value = asking(key.value);
      expect(value, path).toBeDefined();
      const problems = problemsOf(yamlAt(path.split("."), value ?? ""));
      expect(problems, path).toHaveLength(1);
      expect(problems[0], path).toContain(`${key.what} not built yet; remove `);
      expect(path.startsWith(problems[0].split("; remove ")[1]), path).toBe(true);
    }
  });

  test("null everywhere is the default, except for receivers, which open by being named", () => {
    for (const { path } of all) {
      const problems = problemsOf(yamlAt(path.split("."), "null"));
      if (path.startsWith("distributor.receivers.")) continue;
      expect(problems, path).toEqual([]);
    }
  });

  test("off values are accepted in silence", () => {
    const silent = [
      "usage_report: {reporting_enabled: false}",
      "stream_over_http_enabled: false",
      "query_frontend: {mcp_server: {enabled: false}, multi_tenant_queries_enabled: true}",
      "query_frontend: {metrics: {exemplars: true}}",
      "overrides: {defaults: {ingestion: {max_traces_per_user: 0}, forwarders: []}}",
      "overrides: {per_tenant_override_config: '', user_configurable_overrides: {enabled: no}}",
      "metrics_generator: {storage: {remote_write: []}}",
      "server: {http_tls_config: {cert_file: ''}, grpc_listen_port: 0}",
      "cache: {caches: []}",
      "ingest: {enabled: false, kafka: {topic: ''}}",
      "memberlist: {join_members: []}",
      "storage: {trace: {cache: ''}}",
    ];
    for (const yaml of silent) expect(loadText(yaml).warnings, yaml).toEqual([]);
  });

  test("keys of one reason are warned about once", () => {
    const { warnings } = loadText("memberlist: {bind_port: 1, join_members: [a], node_name: b}");
    expect(warnings).toEqual([
      "f.yaml:1:14: memberlist.bind_port: has no meaning here: all modules run in one process, " +
        "which has no ring and no peers (also memberlist.join_members, memberlist.node_name)",
    ]);
  });
});

describe("flags", () => {
  test("every setting has one that changes the configuration", () => {
    for (const { name, means } of flags.values()) {
      if (typeof means === "string" || means.kind !== "setting") continue;
      const example = examples[means.setting.path];
      expect(example, name).toBeDefined();
      if (example === null || example === undefined) continue;
      const [, tls, key] = /^(.*-tls-config)\.(.*)$/.exec(name) ?? [];
      const needed = tls === undefined ? {} : serverTls(key);
      const bucket = Object.entries(name === "storage.trace.backend" ? BUCKET : {});
      const others = Object.entries(needed)
        .map(([other, value]) => [`${tls}.${other.replaceAll("_", "-")}`, value])
        .filter(([other]) => other !== name)
        .map(([other, value]) => `--${other}=${value}`);
      const beside = bucket.map(([key, value]) => `--storage.trace.s3.${key}=${value}`);
      const config = configOf("", { argv: [`--${name}=${example}`, ...others, ...beside] });
      if (means.setting.value.secret) expect(effectiveConfig(config, "diff")).not.toBe("{}\n");
      else expect(config, name).not.toEqual(defaultConfig());
    }
  });

  test("the others are warned about or refused", () => {
    for (const { name, means } of flags.values()) {
      if (typeof means === "string" || means.kind === "setting") continue;
      const argv = [`-${name}=${asking(means.value)}`];
      if (means.kind === "unbuilt") expect(problemsOf("", { argv }), name).toHaveLength(1);
      else expect(loadText("", { argv }).warnings, name).toHaveLength(1);
    }
  });

  test("-help names every setting once, with its default", () => {
    const help = helpText();
    expect(help).toContain(
      "  -server.http-listen-port value\n    \tPort of the HTTP API. (default 3200)",
    );
    for (const setting of settings) expect(help.split(setting.about)).toHaveLength(2);
  });
});

test("findings are sorted by place, and equal ones are said once", () => {
  const at = (line: number, column: number) => ({
    source: { file: "f", line, column },
    path: "",
    message: "x",
  });
  const lines = findingLines([at(2, 1), at(1, 9), at(1, 9)]);
  expect(lines).toEqual(["f:1:9: x", "f:2:1: x"]);
});
