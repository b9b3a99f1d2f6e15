/** What is missing, or does not fit, of the store that the backend chooses. */
import type { Config, S3Config } from "./config.ts";
import { gcsKeys } from "./gcs-settings.ts";
import { s3Keys } from "./s3-settings.ts";

export interface StoreProblem {
  readonly paths: readonly string[];
  readonly message: string;
}

const BACKEND = "storage.trace.backend";
const SSE_C_BYTES = 32;
/** The one that has another name for it. */
const AMAZON = "s3.amazonaws.com";

export function storeProblems(config: Config): StoreProblem[] {
  if (config.storageBackend === "s3") return [...s3Problems(config.s3)];
  if (config.storageBackend !== "gcs" || config.gcs.bucket !== "") return [];
  return [{ paths: [BACKEND, gcsKeys.bucket.path], message: `gcs needs ${gcsKeys.bucket.path}` }];
}

function* s3Problems(s3: S3Config): Generator<StoreProblem> {
  for (const { path, read } of [
    { path: s3Keys.bucket.path, read: s3.bucket },
    { path: s3Keys.endpoint.path, read: s3.endpoint },
  ]) {
    if (read === "") yield { paths: [BACKEND, path], message: `s3 needs ${path}` };
  }
  yield* keyProblems(s3);
  yield* addressProblems(s3);
  yield* encryptionProblems(s3);
  const { certPath, keyPath } = s3.tls;
  if ((certPath === "") !== (keyPath === "")) {
    const paths = [s3Keys.certPath.path, s3Keys.keyPath.path];
    yield { paths, message: "tls_cert_path and tls_key_path belong together" };
  }
  if (s3.waitInitialMs > s3.waitMsMax) {
    const paths = [s3Keys.waitInitial.path, s3Keys.waitMax.path];
    yield { paths, message: "retry_backoff_initial is more than retry_backoff_max" };
  }
}

function* keyProblems({ accessKey, secretKey, sessionToken }: S3Config): Generator<StoreProblem> {
  const [access, secret, token] = [accessKey, secretKey, sessionToken].map((one) => one.reveal());
  if ((access === "") !== (secret === "")) {
    const paths = [s3Keys.accessKey.path, s3Keys.secretKey.path];
    yield { paths, message: "access_key and secret_key belong together" };
  }
  if (token !== "" && access === "") {
    yield { paths: [s3Keys.sessionToken.path], message: "session_token needs access_key as well" };
  }
}

function* addressProblems(s3: S3Config): Generator<StoreProblem> {
  if (s3.pathStyle && s3.bucketLookup === 1) {
    const paths = [s3Keys.pathStyle.path, s3Keys.bucketLookup.path];
    yield { paths, message: "forcepathstyle and bucket_lookup_type: 1 contradict each other" };
  }
  if (s3.dualStack && (s3.endpoint !== AMAZON || s3.region === "")) {
    const message = `enable_dual_stack needs region, and ${AMAZON} as endpoint`;
    yield { paths: [s3Keys.dualStack.path], message };
  }
}

function* encryptionProblems({ sse, insecure }: S3Config): Generator<StoreProblem> {
  const [type, key] = [s3Keys.sseType.path, s3Keys.sseKey.path];
  const bytes = Buffer.byteLength(sse.key.reveal());
  if (sse.type === "SSE-C") {
    if (bytes !== SSE_C_BYTES) {
      yield { paths: [type, key], message: `SSE-C needs encryption_key of ${SSE_C_BYTES} bytes` };
    }
    if (insecure) yield { paths: [type], message: "SSE-C sends its key, so it needs TLS" };
  } else if (bytes > 0) {
    yield { paths: [key], message: "encryption_key needs type: SSE-C" };
  }
  if (sse.type !== "SSE-KMS" && (sse.kmsKeyId !== "" || sse.kmsContext !== "")) {
    const paths = [s3Keys.sseKeyId.path, s3Keys.sseContext.path];
    yield { paths, message: "kms_key_id and kms_encryption_context need type: SSE-KMS" };
  }
  if (sse.kmsContext !== "" && !isTextMap(sse.kmsContext)) {
    const message = "kms_encryption_context is not a JSON object of texts";
    yield { paths: [s3Keys.sseContext.path], message };
  }
}

function isTextMap(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    return Object.values(value).every((one) => typeof one === "string");
  } catch {
    return false;
  }
}
