/** From the configuration to what opens the store of objects. Secrets are in clear afterwards. */
import type { Config, GcsConfig, S3Config, StoreConfig } from "../config/config.ts";
import { STORE_ATTEMPT_MS } from "../config/limits.ts";
import type { GcsOptions } from "../store/gcs/gcs-options.ts";
import type { HttpPolicy } from "../store/object-http.ts";
import type { StoreOptions } from "../store/open-store.ts";
import type { S3Encryption, S3Options } from "../store/s3/s3-options.ts";

/** As for S3, where Tempo has no key for it. */
const GCS_WAIT_INITIAL_MS = 100;
const GCS_WAIT_MS_MAX = 5_000;

/** Plain data, for the thread that opens it. */
export function storeOptions(config: Config): StoreOptions {
  switch (config.storageBackend) {
    case "local":
      return { backend: "local", path: config.localPath };
    case "s3":
      return { backend: "s3", s3: s3Options(config.s3) };
    case "gcs":
      return { backend: "gcs", gcs: gcsOptions(config.gcs) };
  }
}

function s3Options(s3: S3Config): S3Options {
  const { bucket, prefix, region, insecure, partBytes, tls, storageClass, tags, metadata } = s3;
  const { waitInitialMs, waitMsMax } = s3;
  return {
    ...{ bucket, prefix, region, insecure, partBytes, tls, storageClass, tags, metadata },
    endpoint: s3.dualStack ? `s3.dualstack.${region}.amazonaws.com` : s3.endpoint,
    accessKey: s3.accessKey.reveal(),
    secretKey: s3.secretKey.reveal(),
    sessionToken: s3.sessionToken.reveal(),
    addressing: addressingOf(s3),
    encryption: encryptionOf(s3),
    policy: policyOf(s3, { waitInitialMs, waitMsMax }),
  };
}

function addressingOf({ pathStyle, bucketLookup }: S3Config): S3Options["addressing"] {
  if (pathStyle || bucketLookup === 2) return "path";
  return bucketLookup === 1 ? "host" : "auto";
}

function encryptionOf({ sse }: S3Config): S3Encryption {
  switch (sse.type) {
    case "":
    case "SSE-S3":
      return { type: sse.type };
    case "SSE-KMS":
      return { type: sse.type, keyId: sse.kmsKeyId, context: sse.kmsContext };
    case "SSE-C":
      return { type: sse.type, key: sse.key.reveal() };
  }
}

function gcsOptions(gcs: GcsConfig): GcsOptions {
  const { bucket, prefix, chunkBytes, endpoint, insecure, cacheControl, metadata } = gcs;
  const waits = { waitInitialMs: GCS_WAIT_INITIAL_MS, waitMsMax: GCS_WAIT_MS_MAX };
  return {
    ...{ bucket, prefix, chunkBytes, endpoint, insecure, cacheControl, metadata },
    policy: policyOf(gcs, waits),
  };
}

function policyOf(
  { hedgeAtMs, hedgeUpTo, attemptsMax }: StoreConfig,
  waits: Pick<HttpPolicy, "waitInitialMs" | "waitMsMax">,
): HttpPolicy {
  return { hedgeAtMs, hedgeUpTo, attemptsMax, attemptMs: STORE_ATTEMPT_MS, ...waits };
}
