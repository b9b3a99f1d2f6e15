import { describe, expect, test } from "vitest";
import type { Config, OtlpHttpReceiver } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/finding.ts";
import { defaultConfig, loadConfig } from "../../src/config/load-config.ts";
import { configOf, loadText, problemsOf } from "./load-text.ts";

const defaults = defaultConfig().receivers;
const grpc = defaults[0];
// The second of what opens by default.
const receiver = defaults[1] as OtlpHttpReceiver;

/** Flow mappings inside a receivers block. */
function receivers(text: string): string {
  return `distributor: {receivers: ${text}}`;
}

describe("what is configured", () => {
  const cases: readonly { yaml: string; expected: Partial<Config>; argv?: string[] }[] = [
    { yaml: "", expected: defaultConfig() },
    { yaml: "# nothing\n", expected: defaultConfig() },
    { yaml: "---\n", expected: defaultConfig() },
    { yaml: "server:\ndistributor:\nstorage: {trace: {wal: }}\n", expected: defaultConfig() },
    { yaml: "\uFEFFtarget: all\n", expected: defaultConfig() },
    { yaml: "multitenancy_enabled: yes", expected: { multitenancyEnabled: true } },
    { yaml: "auth_enabled: on", expected: { multitenancyEnabled: true } },
    { yaml: "http_api_prefix: /tempo/", expected: { httpApiPrefix: "/tempo" } },
    { yaml: "shutdown_delay: 1m30s", expected: { shutdownDelayMs: 90_000 } },
    { yaml: "storage: {trace: {wal: {path: /w}}}", expected: { walPath: "/w" } },
    { yaml: "live_store: {wal: {path: /w}}", expected: { walPath: "/w" } },
    { yaml: "storage: {trace: {local: {path: 007}}}", expected: { localPath: "007" } },
    { yaml: "ingester: {max_block_duration: 10m}", expected: { maxBlockDurationMs: 600_000 } },
    {
      yaml: "compactor: {compaction: {block_retention: 48h}}",
      expected: { blockRetentionMs: 172_800_000 },
    },
    {
      yaml: "backend_worker: {compaction: {block_retention: 0}}",
      expected: { blockRetentionMs: 0 },
    },
    {
      yaml: "vivace: {memory_budget_bytes: 1GiB, wal_bytes_max: 3_000_000_000}",
      expected: { memoryBudgetBytes: 2 ** 30, walBytesMax: 3e9 },
    },
    { yaml: "vivace: {in_flight_bytes_max: 50MB}", expected: { inFlightBytesMax: 50_000_000 } },
    {
      yaml: "shutdown_delay: 1s",
      argv: ["--shutdown-delay", "2s"],
      expected: { shutdownDelayMs: 2_000 },
    },
    {
      yaml: "compactor: {compaction: {block_retention: 48h}}",
      argv: ["-backend-worker.compaction.block-retention=24h"],
      expected: { blockRetentionMs: 86_400_000 },
    },
    { yaml: receivers("{}"), expected: { receivers: defaults } },
    {
      yaml: receivers(
        "{otlp: {protocols: {http: , grpc: {tls: , max_recv_msg_size_mib: 0}}}, " +
          "jaeger: {protocols: {grpc: , thrift_http: {max_request_body_size: 0}}}}",
      ),
      expected: { receivers: defaults },
    },
    {
      yaml: receivers(
        "{otlp: {protocols: {http: {endpoint: '', traces_url_path: ''}, grpc: {endpoint: ''}}}, " +
          "jaeger: {protocols: {grpc: {endpoint: ''}, thrift_http: {endpoint: ''}}}}",
      ),
      expected: { receivers: defaults },
    },
    {
      yaml: receivers("{otlp: {protocols: {http: {traces_url_path: t/v1}}}}"),
      expected: { receivers: [{ ...receiver, tracesUrlPath: "/t/v1" }] },
    },
    { yaml: receivers("{otlp: {protocols: {grpc: }}}"), expected: { receivers: [grpc] } },
    { yaml: receivers("{otlp: {protocols: {http: }}}"), expected: { receivers: [receiver] } },
    {
      yaml: receivers(
        "{otlp: {protocols: {http: {endpoint: ':4319', max_request_body_size: 0}}}, " +
          "otlp/second: {protocols: {http: {endpoint: '[::1]:9', traces_url_path: /t}}}}",
      ),
      expected: {
        receivers: [
          { ...receiver, listenAddress: "0.0.0.0", listenPort: 4319 },
          {
            ...receiver,
            name: "otlp/second",
            listenAddress: "::1",
            listenPort: 9,
            tracesUrlPath: "/t",
          },
        ],
      },
    },
    {
      yaml: "live_store: &both {max_block_duration: 7m}\ningester: *both\n",
      expected: { maxBlockDurationMs: 420_000 },
    },
    {
      yaml: "live_store: &a {max_block_duration: 7m}\ningester:\n  <<: *a\n",
      expected: { maxBlockDurationMs: 420_000 },
    },
  ];
  for (const { yaml, expected, argv = [] } of cases) {
    test(`${JSON.stringify(yaml)} ${argv.join(" ")}`, () => {
      const { config, warnings } = loadText(yaml, { argv });
      expect(config).toMatchObject(expected);
      expect(warnings).toEqual([]);
    });
  }

  test("a server address that is given empty is every interface, as in Tempo", () => {
    const { server } = configOf('server: {http_listen_address: ""}');
    expect(server.httpListenAddress).toBe("0.0.0.0");
  });

  test("is frozen in depth and plain data", () => {
    const { config } = loadText(receivers("{otlp: {protocols: {http: }}}"));
    expect(Object.isFrozen(config) && Object.isFrozen(config.server)).toBe(true);
    expect(Object.isFrozen(config.receivers) && Object.isFrozen(config.receivers[0])).toBe(true);
    expect(structuredClone(config)).toEqual(config);
  });

  test("needs no file", () => {
    const readFile = () => {
      throw new Error("no file was named");
    };
    const { config } = loadConfig({ argv: [], env: {}, readFile });
    expect(config).toEqual(defaultConfig());
  });
});

describe("what is wrong", () => {
  const cases: readonly { yaml: string; problems: string[]; argv?: string[] }[] = [
    {
      yaml: "server:\n  http_listen_prot: 1\n",
      problems: [
        "f.yaml:2:3: server.http_listen_prot: this key is not known; " +
          "did you mean server.http_listen_port?",
      ],
    },
    {
      yaml: "server: {httpListenPort: 1}",
      problems: [
        "f.yaml:1:10: server.httpListenPort: this key is not known; " +
          "did you mean server.http_listen_port?",
      ],
    },
    {
      yaml: "http_listen_port: 1",
      problems: [
        "f.yaml:1:1: http_listen_port: this key is not known; did you mean " +
          "server.http_listen_port?",
      ],
    },
    {
      yaml: "constructor: 1\n__proto__: 2\n",
      problems: [
        "f.yaml:1:1: constructor: this key is not known",
        "f.yaml:2:1: __proto__: this key is not known",
      ],
    },
    {
      yaml: "server: {http_listen_port: '3200', log_level: loud}\nshutdown_delay: 30\n",
      problems: [
        'f.yaml:1:10: server.http_listen_port: "3200" is not a port, 0 to 65535',
        'f.yaml:1:36: server.log_level: "loud" is not debug, info, warn or error',
        "f.yaml:2:1: shutdown_delay: 30 is not a duration with its unit, such as 30s, 1h30m " +
          "or 336h (days are not a unit here)",
      ],
    },
    {
      yaml: "compactor: {compaction: {block_retention: 14d}}",
      problems: [
        'f.yaml:1:26: compactor.compaction.block_retention: "14d" is not a duration with its ' +
          "unit, such as 30s, 1h30m or 336h (days are not a unit here)",
      ],
    },
    {
      yaml: "server: [1]\nmemberlist: 7\n",
      problems: [
        "f.yaml:1:1: server: a list is not keys below this one",
        "f.yaml:2:1: memberlist: 7 is not keys below this one",
      ],
    },
    {
      yaml: "storage: {trace: {s3: {secret_key: [hunter2]}}}",
      problems: ["f.yaml:1:24: storage.trace.s3.secret_key: what is given is not a text"],
    },
    {
      yaml: "live_store: {wal: {path: /a}}\nstorage: {trace: {wal: {path: /b}}}\n",
      problems: [
        "f.yaml:2:25: storage.trace.wal.path: is /b, but live_store.wal.path is /a " +
          "(f.yaml:1:20); both name the same setting",
      ],
    },
    {
      yaml: "",
      argv: ["-auth.enabled", "-multitenancy.enabled=false"],
      problems: [
        "command line: -multitenancy.enabled: is false, but -auth.enabled is true " +
          "(command line, -auth.enabled); both name the same setting",
      ],
    },
    {
      yaml: receivers("{otlp: }"),
      problems: [
        "f.yaml:1:27: distributor.receivers.otlp: names no protocol, so nothing opens; " +
          "add protocols: with grpc: or http: below it",
      ],
    },
    {
      yaml: receivers("{oltp: {}}"),
      problems: [
        "f.yaml:1:27: distributor.receivers.oltp: this key is not known; " +
          "did you mean distributor.receivers.otlp?",
      ],
    },
    {
      yaml: receivers("{otlp: {protocols: {grpc: {}}}, kafka: , jaeger/a: {protocols: {grpc: }}}"),
      problems: [
        "f.yaml:1:58: distributor.receivers.kafka: kafka receivers are not built yet; " +
          "remove distributor.receivers.kafka",
      ],
    },
    {
      yaml: receivers("{jaeger/a: {protocols: }}"),
      problems: [
        "f.yaml:1:27: distributor.receivers.jaeger/a: names no protocol, so nothing opens; add " +
          "protocols: with grpc: or thrift_http: or thrift_compact: or thrift_binary: below it",
      ],
    },
    {
      yaml: `multitenancy_enabled: true\n${receivers("{jaeger: {protocols: {thrift_binary: }}}")}`,
      problems: [
        "f.yaml:2:48: distributor.receivers.jaeger.protocols.thrift_binary: Jaeger binary Thrift " +
          "over UDP names no tenant, which multitenancy_enabled asks for",
      ],
    },
    {
      yaml: receivers(
        "{jaeger: {protocols: {grpc: }, remote_sampling: {host_endpoint: 'localhost:14250'}}}",
      ),
      problems: [
        "f.yaml:1:75: distributor.receivers.jaeger.remote_sampling.host_endpoint: the receiver " +
          "jaeger cannot listen on localhost:14250: the receiver jaeger does already",
      ],
    },
    {
      yaml: receivers("{jaeger: {protocols: {thrift_compact: {max_packet_size: 65536}}}}"),
      problems: [
        "f.yaml:1:65: distributor.receivers.jaeger.protocols.thrift_compact.max_packet_size: " +
          "65536 is not a number of bytes up to 65535 (0 is the default of 65000)",
      ],
    },
    ...[
      {
        tls: "{cert_file: a}",
        at: "1:53",
        key: "tls",
        said: "TLS needs key_file or key_pem",
      },
      {
        tls: "{cert_file: a, cert_pem: b, key_file: c}",
        at: "1:59",
        key: "tls.cert_file",
        said: "cert_file and cert_pem are both given; one of them is right",
      },
      {
        tls: "{cert_file: a, key_file: c, min_version: 1.3, max_version: 1.2}",
        at: "1:86",
        key: "tls.min_version",
        said: "no version of TLS lies between 1.3 and 1.2",
      },
      {
        tls: "{cert_file: a, key_file: c, cipher_suites: [RC4]}",
        at: "1:86",
        key: "tls.cipher_suites",
        said: "a list is not a list of suites of TLS 1.2: ",
      },
    ].map(({ tls, at, key, said }) => ({
      yaml: receivers(`{otlp: {protocols: {grpc: {tls: ${tls}}}}}`),
      problems: [
        expect.stringContaining(
          `f.yaml:${at}: distributor.receivers.otlp.protocols.grpc.${key}: ${said}`,
        ) as string,
      ],
    })),
    {
      yaml: receivers("{otlp: {protocols: {grpc: {max_recv_msg_size_mib: 25}}}}"),
      problems: [
        "f.yaml:1:53: distributor.receivers.otlp.protocols.grpc.max_recv_msg_size_mib: 25 is not " +
          "a whole number of MiB up to 24, the largest request that a ring takes " +
          "(0 is the default of 4)",
      ],
    },
    {
      yaml: receivers("{jaeger: {protocols: {gprc: }}}"),
      problems: [
        "f.yaml:1:48: distributor.receivers.jaeger.protocols.gprc: this key is not known; " +
          "did you mean distributor.receivers.jaeger.protocols.grpc?",
      ],
    },
    {
      yaml: receivers("{otlp: {protocols: {http: {max_request_body_size: 33MiB}}}}"),
      problems: [
        "f.yaml:1:53: distributor.receivers.otlp.protocols.http.max_request_body_size: " +
          '"33MiB" is not a number of bytes up to 24MiB, the largest request that a ring takes ' +
          "(0 is the default of 20MiB)",
      ],
    },
    {
      yaml: "target: ingester",
      problems: ["f.yaml:1:1: target: target ingester is not built yet; the only target is all"],
    },
    {
      yaml: "overrides: {defaults: {cost_attribution: {max_cardinality: 5}}}",
      problems: [
        "f.yaml:1:43: overrides.defaults.cost_attribution.max_cardinality: cost attribution is " +
          "not built yet; remove overrides.defaults.cost_attribution.max_cardinality",
      ],
    },
    {
      yaml: "metrics_generator: {storage: {path: /x, remote_write: [{url: 'http://x'}]}}",
      problems: [
        "f.yaml:1:41: metrics_generator.storage.remote_write: remote write of generated metrics " +
          "is not built yet; remove metrics_generator.storage.remote_write",
      ],
    },
  ];
  for (const { yaml, problems, argv = [] } of cases) {
    test(`${JSON.stringify(yaml)} ${argv.join(" ")}`, () => {
      expect(problemsOf(yaml, { argv })).toEqual(problems);
    });
  }

  test("one error holds everything, the command line first", () => {
    const yaml = "nonsense: 1\nserver: {http_listen_port: 70000}\n";
    const problems = problemsOf(yaml, { argv: ["-nonsense", "-log.level=loud"] });
    expect(problems.map((line) => line.split(": ").slice(0, 2).join(": "))).toEqual([
      "command line: -nonsense",
      "command line: -log.level",
      "f.yaml:1:1: nonsense",
      "f.yaml:2:10: server.http_listen_port",
    ]);
  });

  test("a file that cannot be read", () => {
    const readFile = () => {
      throw new Error("no such file");
    };
    const load = () => loadConfig({ argv: ["-config.file", "x.yaml"], env: {}, readFile });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow("command line: -config.file: cannot read x.yaml: no such file");
  });
});

describe("relations", () => {
  const http = (keys: string) => receivers(`{otlp: {protocols: {http: {${keys}}}}}`);
  const cases: readonly { yaml: string; problems: string[]; argv?: string[] }[] = [
    {
      yaml: http("endpoint: '0.0.0.0:3200'"),
      problems: [
        "f.yaml:1:53: distributor.receivers.otlp.protocols.http.endpoint: the receiver otlp " +
          "cannot listen on 0.0.0.0:3200: the HTTP API does already",
      ],
    },
    {
      yaml: receivers("{otlp: {protocols: {http: }}, otlp/b: {protocols: {http: }}}"),
      problems: [
        "f.yaml:1:77: distributor.receivers.otlp/b.protocols.http: the receiver otlp/b cannot " +
          "listen on 127.0.0.1:4318: the receiver otlp does already",
      ],
    },
    {
      yaml: "storage: {trace: {wal: {path: /d/}, local: {path: /d}}}",
      problems: [
        "f.yaml:1:25: storage.trace.wal.path: log and blocks need folders of their own; " +
          "both are /d",
      ],
    },
    {
      yaml: "storage: {trace: {wal: {path: /d/x/../wal}, local: {path: /d}}}",
      problems: [
        "f.yaml:1:25: storage.trace.wal.path: log and blocks cannot lie inside each other: " +
          "/d/wal and /d",
      ],
    },
    {
      yaml: "live_store: {wal: {path: /d}}\nstorage: {trace: {local: {path: /d/blocks}}}",
      problems: [
        "f.yaml:1:20: live_store.wal.path: log and blocks cannot lie inside each other: " +
          "/d and /d/blocks",
      ],
    },
    { yaml: "storage: {trace: {wal: {path: /data}, local: {path: /dat}}}", problems: [] },
    {
      yaml: "compactor: {compaction: {block_retention: 1m}}",
      problems: [
        "f.yaml:1:26: compactor.compaction.block_retention: blocks kept for 1m0s would be " +
          "removed before they are cut, which live_store.max_block_duration lets happen after 5m0s",
      ],
    },
    {
      yaml:
        "backend_worker: {compaction: {compaction_window: 25h}}\n" +
        "storage: {trace: {backend: s3, s3: {bucket: b, endpoint: e, insecure: true}}}",
      problems: [
        "f.yaml:1:31: backend_worker.compaction.compaction_window: blocks in a bucket are merged " +
          "within a day at most",
      ],
    },
    {
      yaml:
        "backend_worker: {compaction: {compacted_block_retention: 1m}}\n" +
        "storage: {trace: {backend: s3, s3: {bucket: b, endpoint: e, insecure: true}}}",
      problems: [
        "f.yaml:1:31: backend_worker.compaction.compacted_block_retention: blocks would go " +
          "before other processes hear that they were merged: at least twice " +
          "storage.trace.blocklist_poll, which is 5m0s",
      ],
    },
    {
      yaml: "live_store: {max_block_duration: 400h}",
      problems: [
        "f.yaml:1:14: live_store.max_block_duration: blocks kept for 336h0m0s would be removed " +
          "before they are cut, which live_store.max_block_duration lets happen after 400h0m0s",
      ],
    },
    {
      yaml: "vivace: {in_flight_bytes_max: 16MiB}",
      problems: [
        "f.yaml:1:10: vivace.in_flight_bytes_max: a request of 20MiB could never be taken, as " +
          "vivace.in_flight_bytes_max is 16MiB",
      ],
    },
    {
      yaml: "vivace: {in_flight_bytes_max: 300MiB}",
      problems: [
        "f.yaml:1:10: vivace.in_flight_bytes_max: 300MiB in flight is more than half of " +
          "vivace.memory_budget_bytes, 512MiB",
      ],
    },
    {
      yaml: "vivace: {in_flight_bytes_max: 128MiB, wal_bytes_max: 200MiB}",
      problems: [
        "f.yaml:1:39: vivace.wal_bytes_max: a log of 200MiB is less than twice the 128MiB that " +
          "may be in flight (vivace.in_flight_bytes_max)",
      ],
    },
    {
      yaml: "vivace: {ingress_threads: 20}",
      problems: [
        "f.yaml:1:10: vivace.ingress_threads: 20 rings for requests of 20MiB are more than half " +
          "of vivace.memory_budget_bytes, 512MiB",
      ],
    },
    {
      yaml: "",
      argv: ["-storage.trace.wal.path=./data/blocks/wal"],
      problems: [
        "command line: -storage.trace.wal.path: log and blocks cannot lie inside each other: " +
          `${process.cwd()}/data/blocks/wal and ${process.cwd()}/data/blocks`,
      ],
    },
    // A refused value is no ground for a second problem.
    {
      yaml: "vivace: {memory_budget_bytes: 1MiB, in_flight_bytes_max: 300MiB}",
      problems: [
        'f.yaml:1:10: vivace.memory_budget_bytes: "1MiB" is not a number of bytes from 256MiB ' +
          "to 4GiB, such as 1073741824 or 1GiB",
      ],
    },
  ];
  for (const { yaml, problems, argv = [] } of cases) {
    test(`${yaml} ${argv.join(" ")}`, () => {
      expect(problemsOf(yaml, { argv })).toEqual(problems);
    });
  }

  test("hold for the smallest memory budget with all else at its default", () => {
    expect(problemsOf("vivace: {memory_budget_bytes: 256MiB}")).toEqual([]);
  });
});

describe("a Tempo file with receivers of Jaeger and a backend that is not built", () => {
  const yaml = `
server:
  http_listen_port: 3200
distributor:
  receivers:
    jaeger:
      protocols:
        grpc:
        thrift_http:
storage:
  trace:
    backend: s3
    s3:
      bucket: 'tempo-traces'
      endpoint: 's3.amazonaws.com'
`;

  test("is valid as it stands", () => {
    const { config, warnings } = loadText(yaml);
    expect(warnings).toEqual([]);
    expect(config.storageBackend).toBe("s3");
    expect(config.receivers).toMatchObject([
      { kind: "jaeger_grpc", name: "jaeger", listenAddress: "127.0.0.1", listenPort: 14250 },
      { kind: "jaeger_thrift_http", listenAddress: "127.0.0.1", listenPort: 14268 },
    ]);
  });

  test("says once that the s3 block is not used when another backend is chosen", () => {
    expect(loadText(yaml.replace("d: s3", "d: local")).warnings).toEqual([
      "f.yaml:14:7: storage.trace.s3.bucket: has no meaning here: it belongs to a backend that " +
        "storage.trace.backend does not choose (also storage.trace.s3.endpoint)",
    ]);
  });
});
