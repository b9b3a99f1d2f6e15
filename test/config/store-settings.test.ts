/** The keys of stores in a bucket: what is read, what does not fit, what opens the store. */
import { describe, expect, test } from "vitest";
import { effectiveConfig } from "../../src/config/effective-config.ts";
import { storeOptions } from "../../src/worker/store-options.ts";
import { configOf, loadText, problemsOf } from "./load-text.ts";

const traceYaml = (backend: string, keys: string) =>
  `storage: {trace: {backend: ${backend}, ${backend}: ${keys}}}`;
const s3Yaml = (more: string) => traceYaml("s3", `{bucket: b, endpoint: e${more && `, ${more}`}}`);

describe("s3", () => {
  test("every key reaches the store", () => {
    const config = configOf(
      s3Yaml(
        `prefix: /p/q/, region: eu-west-1, access_key: A, secret_key: S, session_token: T,
        insecure: true, forcepathstyle: true, part_size: 16MiB, hedge_requests_at: 1s,
        hedge_requests_up_to: 3, retry_max_attempts: 7, retry_backoff_initial: 10ms,
        retry_backoff_max: 1m, tls_ca_path: /ca, tls_cert_path: /c, tls_key_path: /k,
        tls_server_name: n, tls_insecure_skip_verify: true, storage_class: COLD,
        tags: {t: 1}, metadata: {m: x}, sse: {type: SSE-KMS, kms_key_id: i,
        kms_encryption_context: '{"a":"b"}'}`,
      ),
    );
    expect(storeOptions(config)).toEqual({
      backend: "s3",
      s3: {
        ...{ bucket: "b", prefix: "p/q", endpoint: "e", region: "eu-west-1" },
        ...{ accessKey: "A", secretKey: "S", sessionToken: "T", insecure: true },
        ...{ addressing: "path", partBytes: 16 * 1024 * 1024, storageClass: "COLD" },
        tls: {
          ...{ caPath: "/ca", certPath: "/c", keyPath: "/k", serverName: "n" },
          insecureSkipVerify: true,
        },
        encryption: { type: "SSE-KMS", keyId: "i", context: '{"a":"b"}' },
        tags: { t: "1" },
        metadata: { m: "x" },
        policy: {
          ...{ attemptsMax: 7, attemptMs: 30_000, waitInitialMs: 10, waitMsMax: 60_000 },
          ...{ hedgeAtMs: 1_000, hedgeUpTo: 3 },
        },
      },
    });
    expect(structuredClone(storeOptions(config))).toEqual(storeOptions(config));
    const shown = effectiveConfig(config);
    expect(shown).not.toMatch(/: [AST]$/m);
    expect(shown).toContain('secret_key: "********"');
  });

  const chosen = [
    { more: "", addressing: "auto" },
    { more: "bucket_lookup_type: 1", addressing: "host" },
    { more: "bucket_lookup_type: 2", addressing: "path" },
    { more: "bucket_lookup_type: 0, forcepathstyle: true", addressing: "path" },
    { more: "part_size: 0, retry_max_attempts: 0", partBytes: 32 * 1024 * 1024 },
    { more: "sse: {type: SSE-S3}", encryption: { type: "SSE-S3" } },
    {
      more: "sse: {type: SSE-C, encryption_key: 0123456789abcdef0123456789abcdef}",
      encryption: { type: "SSE-C", key: "0123456789abcdef0123456789abcdef" },
    },
  ];
  test.each(chosen)("$more", ({ more, ...expected }) => {
    expect(storeOptions(configOf(s3Yaml(more)))).toMatchObject({ s3: expected });
  });

  test("Amazon's endpoint of both stacks", () => {
    const keys = "{bucket: b, endpoint: s3.amazonaws.com, region: us-east-2, enable_dual_stack: 1}";
    const config = configOf(traceYaml("s3", keys.replace(": 1}", ": true}")));
    const endpoint = "s3.dualstack.us-east-2.amazonaws.com";
    expect(storeOptions(config)).toMatchObject({ s3: { endpoint } });
  });

  const wrong = [
    { more: "access_key: a", says: /access_key and secret_key belong together/ },
    { more: "secret_key: a", says: /access_key and secret_key belong together/ },
    { more: "session_token: a", says: /session_token needs access_key/ },
    { more: "forcepathstyle: true, bucket_lookup_type: 1", says: /contradict each other/ },
    { more: "enable_dual_stack: true", says: /needs region, and s3.amazonaws.com/ },
    { more: "tls_cert_path: /c", says: /belong together/ },
    { more: "retry_backoff_initial: 10s", says: /more than retry_backoff_max/ },
    { more: "sse: {type: SSE-X}", says: /is not .*SSE-S3, SSE-KMS or SSE-C/ },
    { more: "sse: {type: SSE-C}", says: /encryption_key of 32 bytes/ },
    { more: "sse: {encryption_key: abc}", says: /needs type: SSE-C/ },
    { more: "sse: {type: SSE-S3, kms_key_id: abc}", says: /need type: SSE-KMS/ },
    { more: "sse: {type: SSE-KMS, kms_encryption_context: a}", says: /not a JSON object/ },
    { more: "sse: {type: SSE-KMS, kms_encryption_context: '[1]'}", says: /not a JSON object/ },
    { more: "part_size: 1MiB", says: /from 5MiB to 5GiB/ },
    { more: "retry_max_attempts: 101", says: /1 to 100/ },
    { more: "hedge_requests_up_to: 0", says: /1 to 10/ },
    { more: "prefix: a/../b", says: /names joined by slashes/ },
    { more: "prefix: a//b", says: /names joined by slashes/ },
    { more: "metadata: {'a b': c}", says: /letters of ASCII/ },
    { more: "metadata: {a: 'é'}", says: /letters of ASCII/ },
    { more: "tags: [a]", says: /a mapping of up to ten tags/ },
    { more: "signature_v2: true", says: /signatures of version 2 are not built yet/ },
    { more: "checksum_type: MD5", says: /checksums of the store are not built yet/ },
    { more: "tls_min_version: VersionTLS13", says: /TLS versions for the store is not built yet/ },
  ];
  test.each(wrong)("$more does not start", ({ more, says }) => {
    const problems = problemsOf(s3Yaml(more));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(says);
  });

  test("needs a bucket and an endpoint, without a scheme", () => {
    expect(problemsOf(traceYaml("s3", "{endpoint: e}"))[0]).toContain("s3.bucket");
    expect(problemsOf(traceYaml("s3", "{bucket: b}"))[0]).toContain("s3.endpoint");
    const scheme = problemsOf(traceYaml("s3", "{bucket: b, endpoint: 'http://minio'}"));
    expect(scheme).toEqual([expect.stringContaining("insecure says whether it is http or https")]);
    for (const endpoint of ["a/b", "a:b", "a b", "a:123456", "u@h"]) {
      expect(problemsOf(traceYaml("s3", `{bucket: b, endpoint: '${endpoint}'}`))).toHaveLength(1);
    }
    for (const endpoint of ["[::1]:9000", "10.0.0.1", "minio_a.b-c:9000"]) {
      expect(problemsOf(traceYaml("s3", `{bucket: b, endpoint: '${endpoint}'}`))).toEqual([]);
    }
  });

  test("what means nothing here is said", () => {
    const { warnings } = loadText(s3Yaml("native_aws_auth_enabled: true, tls_enabled: true"));
    expect(warnings).toHaveLength(2);
  });

  test("is not held against rules when another backend is chosen", () => {
    const yaml = "storage: {trace: {s3: {access_key: a, sse: {type: SSE-C}}}}";
    expect(problemsOf(yaml)).toEqual([]);
    expect(loadText(yaml).warnings).toEqual([
      expect.stringContaining("(also storage.trace.s3.sse.type)"),
    ]);
  });
});

describe("gcs", () => {
  test("every key reaches the store", () => {
    const config = configOf(
      traceYaml(
        "gcs",
        `{bucket_name: b, prefix: p, chunk_buffer_size: 300KiB, insecure: true, max_retries: 4,
        endpoint: 'https://gcs:4443/storage/v1/', hedge_requests_at: 1s, hedge_requests_up_to: 4,
        object_cache_control: no-store, object_metadata: {m: x}}`,
      ),
    );
    expect(storeOptions(config)).toEqual({
      backend: "gcs",
      gcs: {
        ...{ bucket: "b", prefix: "p", chunkBytes: 512 * 1024, insecure: true },
        ...{ endpoint: "https://gcs:4443/storage/v1/", cacheControl: "no-store" },
        metadata: { m: "x" },
        policy: {
          ...{ attemptsMax: 4, attemptMs: 30_000, waitInitialMs: 100, waitMsMax: 5_000 },
          ...{ hedgeAtMs: 1_000, hedgeUpTo: 4 },
        },
      },
    });
  });

  test("needs a bucket", () => {
    expect(problemsOf(traceYaml("gcs", "{prefix: p}"))[0]).toContain("gcs.bucket_name");
  });
});

test("a folder is a store, too", () => {
  expect(storeOptions(configOf("storage: {trace: {local: {path: /b}}}"))).toEqual({
    backend: "local",
    path: "/b",
  });
});
