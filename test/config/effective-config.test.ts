import { expect, test } from "vitest";
import { effectiveConfig, rowOf, toYaml } from "../../src/config/effective-config.ts";
import { listenSummary } from "../../src/config/listen-summary.ts";
import { defaultConfig } from "../../src/config/load-config.ts";
import type { Setting } from "../../src/config/table/key.ts";
import { Secret } from "../../src/config/value/secret.ts";
import { secret } from "../../src/config/value/value.ts";
import { verifyConfig } from "../../src/config/verify-config.ts";
import { configOf, loadText } from "./load-text.ts";

const yaml = `
multitenancy_enabled: true
http_api_prefix: /tempo
server: {http_listen_address: '::1', http_listen_port: 3300, log_level: warn}
distributor:
  receivers:
    otlp: {protocols: {http: {endpoint: '0.0.0.0:4318'}}}
    otlp/b.c: {protocols: {http: {endpoint: '[::1]:4319', max_request_body_size: 1000}}}
storage: {trace: {wal: {path: /w}, local: {path: /b}}}
ingester: {max_block_duration: 90s}
vivace: {memory_budget_bytes: 300000000}
`;

test("what is shown can be loaded again and is the same", () => {
  for (const config of [defaultConfig(), configOf(yaml)]) {
    const again = loadText(effectiveConfig(config));
    expect(again.config).toEqual(config);
    expect(again.warnings).toEqual([]);
  }
});

test("modes", () => {
  const config = configOf(yaml);
  expect(effectiveConfig(config, "defaults")).toBe(effectiveConfig(defaultConfig()));
  expect(effectiveConfig(defaultConfig(), "diff")).toBe("{}\n");
  expect(effectiveConfig(config, "diff")).toBe(`multitenancy_enabled: true
http_api_prefix: /tempo
server:
  http_listen_address: ::1
  http_listen_port: 3300
  log_level: warn
distributor:
  receivers:
    otlp:
      protocols:
        http:
          endpoint: 0.0.0.0:4318
    otlp/b.c:
      protocols:
        http:
          endpoint: "[::1]:4319"
          max_request_body_size: 1000
          traces_url_path: /v1/traces
storage:
  trace:
    local:
      path: /b
    wal:
      path: /w
live_store:
  max_block_duration: 1m30s
vivace:
  memory_budget_bytes: 300000000
`);
});

test("secrets are masked, whatever setting holds one", () => {
  const key: Setting<Secret, { key: Secret }> = {
    kind: "setting",
    path: "storage.trace.s3.secret_key",
    value: secret,
    fallback: new Secret(""),
    about: "",
    read: (owner) => owner.key,
  };
  const row = rowOf<{ key: Secret }>(key, { key: new Secret("hunter2") });
  expect(toYaml([row])).toBe('storage:\n  trace:\n    s3:\n      secret_key: "********"\n');
});

test("where it listens", () => {
  expect(listenSummary(configOf(yaml))).toEqual([
    {
      name: "http",
      endpoint: "[::1]:3300",
      serves: "query API under /tempo/api",
      loopbackOnly: true,
    },
    {
      name: "grpc",
      endpoint: "127.0.0.1:9095",
      serves: "query API as gRPC",
      loopbackOnly: true,
    },
    {
      name: "otlp",
      endpoint: "0.0.0.0:4318",
      serves: "OTLP/HTTP, POST /v1/traces",
      loopbackOnly: false,
    },
    {
      name: "otlp/b.c",
      endpoint: "[::1]:4319",
      serves: "OTLP/HTTP, POST /v1/traces",
      loopbackOnly: true,
    },
  ]);
});

test("-config.verify: warnings and problems both exit with 1, as in Tempo", () => {
  const verify = (text: string) => {
    const readFile = () => new TextEncoder().encode(text);
    return verifyConfig(
      { argv: ["-config.file=f.yaml", "-config.verify"], env: {}, readFile },
      () => [],
    );
  };
  expect(verify("target: all")).toEqual({ exitCode: 0, lines: ["the configuration is valid"] });
  expect(verify("usage_report: {reporting_enabled: true}")).toEqual({
    exitCode: 1,
    lines: [
      "warning: f.yaml:1:16: usage_report.reporting_enabled: has no meaning here: " +
        "nothing is reported to anyone",
      "the configuration is valid, with warnings",
    ],
  });
  expect(verify("x: 1\nserver: 2\n")).toEqual({
    exitCode: 1,
    lines: [
      "error: f.yaml:1:1: x: this key is not known",
      "error: f.yaml:2:1: server: 2 is not keys below this one",
    ],
  });
});
