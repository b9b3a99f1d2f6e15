/**
 * `storage.trace.s3`: where the bucket is, who we are to it, and how it is asked. Keys that mean
 * something to Tempo's own client and cannot be had here stand in table/storage.ts.
 */
import { z } from "zod";
import { GiB, MiB } from "../base/bytes.ts";
import type { Config, S3Config } from "./config.ts";
import { HEDGE_UP_TO_MAX, STORE_ATTEMPTS_DEFAULT, STORE_ATTEMPTS_MAX } from "./limits.ts";
import type { Setting } from "./table/key.ts";
import { knownOf, wholeMs } from "./value/bounded.ts";
import { Secret } from "./value/secret.ts";
import { byteSize, flag, makeValue, secret, text, textMap, type Value } from "./value/value.ts";

const PART_BYTES_MIN = 5 * MiB;
const PART_BYTES_MAX = 5 * GiB;
/** A part is a request: few blocks are larger than this, and those need few. */
const PART_BYTES_DEFAULT = 32 * MiB;

const NONE = new Secret("");

function s3Setting<T>(
  one: Omit<Setting<T>, "kind" | "read" | "path"> & {
    readonly key: string;
    readonly read: (s3: S3Config) => T;
  },
): Setting<T> {
  const { key, read, ...rest } = one;
  const path = `storage.trace.s3.${key}`;
  return { kind: "setting", path, ...rest, read: (config: Config) => read(config.s3) };
}

export const storeEndpoint = makeValue<string>({
  wants: "text",
  schema: z.string().regex(/^(?:|(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?)$/),
  expected: "a host, with a port if it needs one, such as s3.amazonaws.com or minio:9000",
  explain: (raw) =>
    typeof raw === "string" && raw.includes("://")
      ? `${JSON.stringify(raw)} has a scheme; insecure says whether it is http or https`
      : undefined,
  off: [""],
});

/** Slashes at its ends say nothing. */
export const storePrefix = makeValue<string>({
  wants: "text",
  schema: z
    .string()
    .transform((prefix) => prefix.replace(/^\/+|\/+$/g, ""))
    .refine((prefix) => !/\/\/|\p{Cc}/u.test(prefix) && prefix.length <= 200)
    .refine((prefix) => prefix.split("/").every((name) => name !== "." && name !== "..")),
  expected: "names joined by slashes, 200 characters at most",
});

/** On the command line a mapping is `name=value,name=value`. */
function mapOf(schema: z.ZodType<Record<string, string>>): z.ZodType<Record<string, string>> {
  return z.preprocess((raw) => (typeof raw === "string" ? pairsOf(raw) : raw), schema);
}

function pairsOf(text: string): unknown {
  if (text === "") return {};
  const pairs = text.split(",").map((pair) => /^([^=]+)=(.*)$/.exec(pair)?.slice(1));
  return pairs.every((pair) => pair !== undefined) ? Object.fromEntries(pairs) : text;
}

/** Values of headers go over the wire as they are. */
export const headerMap: Value<Record<string, string>> = {
  ...textMap,
  schema: mapOf(
    z.record(z.string().regex(/^[\w-]{1,100}$/), z.coerce.string().regex(/^[\x20-\x7e]{0,1000}$/)),
  ),
  expected: "a mapping of names to texts in letters of ASCII, or name=value,name=value",
};

const tagMap: Value<Record<string, string>> = {
  ...textMap,
  schema: mapOf(
    z
      .record(z.string().min(1).max(128), z.coerce.string().max(256))
      .refine((tags) => Object.keys(tags).length <= 10),
  ),
  expected: "a mapping of up to ten tags to texts, or name=value,name=value",
};

/** 0 is what holds without the key. */
export const storeAttempts = makeValue<number>({
  schema: z
    .int()
    .min(0)
    .max(STORE_ATTEMPTS_MAX)
    .transform((attempts) => (attempts === 0 ? STORE_ATTEMPTS_DEFAULT : attempts)),
  expected: `a number of attempts, 1 to ${STORE_ATTEMPTS_MAX}`,
});

export const hedgeUpTo = makeValue<number>({
  schema: z.int().min(1).max(HEDGE_UP_TO_MAX),
  expected: `a number of requests, 1 to ${HEDGE_UP_TO_MAX}`,
});

const partSize: Value<number> = {
  ...byteSize,
  schema: byteSize.schema
    .transform((bytes) => (bytes === 0 ? PART_BYTES_DEFAULT : bytes))
    .refine((bytes) => bytes >= PART_BYTES_MIN && bytes <= PART_BYTES_MAX),
  expected: "a number of bytes from 5MiB to 5GiB, such as 32MiB",
};

export const s3Keys = {
  bucket: s3Setting<string>({
    key: "bucket",
    value: text,
    fallback: "",
    about: "The bucket of the blocks in S3.",
    read: (s3) => s3.bucket,
  }),
  prefix: s3Setting<string>({
    key: "prefix",
    value: storePrefix,
    fallback: "",
    about: "Before all keys in the bucket of S3.",
    read: (s3) => s3.prefix,
  }),
  endpoint: s3Setting<string>({
    key: "endpoint",
    value: storeEndpoint,
    fallback: "",
    about: "Host and port of S3, without a scheme.",
    read: (s3) => s3.endpoint,
  }),
  region: s3Setting<string>({
    key: "region",
    value: text,
    fallback: "",
    about: "Region of the bucket; empty: it is asked.",
    read: (s3) => s3.region,
  }),
  accessKey: s3Setting<Secret>({
    key: "access_key",
    value: secret,
    fallback: NONE,
    about: "Access key for S3; empty: as AWS's programs find it, in environment, files, metadata.",
    read: (s3) => s3.accessKey,
  }),
  secretKey: s3Setting<Secret>({
    key: "secret_key",
    value: secret,
    fallback: NONE,
    about: "Secret key for S3.",
    read: (s3) => s3.secretKey,
  }),
  sessionToken: s3Setting<Secret>({
    key: "session_token",
    value: secret,
    fallback: NONE,
    about: "Token of temporary keys for S3.",
    read: (s3) => s3.sessionToken,
  }),
  insecure: s3Setting<boolean>({
    key: "insecure",
    value: flag,
    fallback: false,
    about: "Reach S3 over HTTP instead of HTTPS.",
    read: (s3) => s3.insecure,
  }),
  pathStyle: s3Setting<boolean>({
    key: "forcepathstyle",
    value: flag,
    fallback: false,
    about: "The bucket of S3 stands in the path, never in the host.",
    read: (s3) => s3.pathStyle,
  }),
  bucketLookup: s3Setting<number>({
    key: "bucket_lookup_type",
    value: makeValue<number>({
      schema: z.int().min(0).max(2),
      expected: "0 (auto), 1 (in the host) or 2 (in the path)",
    }),
    fallback: 0,
    about: "Where the bucket of S3 stands: 0 as Amazon likes it, 1 in the host, 2 in the path.",
    read: (s3) => s3.bucketLookup,
  }),
  dualStack: s3Setting<boolean>({
    key: "enable_dual_stack",
    value: flag,
    fallback: false,
    about: "Amazon's endpoint that has IPv6, too; needs the region.",
    read: (s3) => s3.dualStack,
  }),
  partSize: s3Setting<number>({
    key: "part_size",
    value: partSize,
    fallback: PART_BYTES_DEFAULT,
    about: "Files above it go to S3 in parts of it.",
    read: (s3) => s3.partBytes,
  }),
  hedgeAt: s3Setting<number>({
    key: "hedge_requests_at",
    value: wholeMs(),
    fallback: 0,
    about: "After this without an answer a read of S3 is sent once more; 0: never.",
    read: (s3) => s3.hedgeAtMs,
  }),
  hedgeUpTo: s3Setting<number>({
    key: "hedge_requests_up_to",
    value: hedgeUpTo,
    fallback: 2,
    about: "Requests for one read of S3 at once, at most.",
    read: (s3) => s3.hedgeUpTo,
  }),
  attempts: s3Setting<number>({
    key: "retry_max_attempts",
    value: storeAttempts,
    fallback: STORE_ATTEMPTS_DEFAULT,
    about: "Attempts for one request to S3.",
    read: (s3) => s3.attemptsMax,
  }),
  waitInitial: s3Setting<number>({
    key: "retry_backoff_initial",
    value: wholeMs({ min: 1 }),
    fallback: 100,
    about: "Longest wait after the first failed attempt; it doubles with each.",
    read: (s3) => s3.waitInitialMs,
  }),
  waitMax: s3Setting<number>({
    key: "retry_backoff_max",
    value: wholeMs({ min: 1 }),
    fallback: 5_000,
    about: "Longest wait between two attempts at S3.",
    read: (s3) => s3.waitMsMax,
  }),
  caPath: s3Setting<string>({
    key: "tls_ca_path",
    value: text,
    fallback: "",
    about: "Who signs the certificate of S3, as a file in PEM; empty: as the system has it.",
    read: (s3) => s3.tls.caPath,
  }),
  certPath: s3Setting<string>({
    key: "tls_cert_path",
    value: text,
    fallback: "",
    about: "Certificate that we show to S3, as a file in PEM.",
    read: (s3) => s3.tls.certPath,
  }),
  keyPath: s3Setting<string>({
    key: "tls_key_path",
    value: text,
    fallback: "",
    about: "The key of the certificate that we show to S3, as a file in PEM.",
    read: (s3) => s3.tls.keyPath,
  }),
  serverName: s3Setting<string>({
    key: "tls_server_name",
    value: text,
    fallback: "",
    about: "Name in the certificate of S3, if it is not that of the endpoint.",
    read: (s3) => s3.tls.serverName,
  }),
  skipVerify: s3Setting<boolean>({
    key: "tls_insecure_skip_verify",
    value: flag,
    fallback: false,
    about: "Take any certificate of S3.",
    read: (s3) => s3.tls.insecureSkipVerify,
  }),
  sseType: s3Setting<S3Config["sse"]["type"]>({
    key: "sse.type",
    value: knownOf(["", "SSE-S3", "SSE-KMS", "SSE-C"], {
      unbuilt: [],
      sentence: (name) => `encryption ${name} is not built yet`,
    }),
    fallback: "",
    about: "Encryption in S3: SSE-S3, SSE-KMS or SSE-C; empty: the bucket's own.",
    read: (s3) => s3.sse.type,
  }),
  sseKeyId: s3Setting<string>({
    key: "sse.kms_key_id",
    value: text,
    fallback: "",
    about: "Key of SSE-KMS; empty: the account's own.",
    read: (s3) => s3.sse.kmsKeyId,
  }),
  sseContext: s3Setting<string>({
    key: "sse.kms_encryption_context",
    value: text,
    fallback: "",
    about: "Context of SSE-KMS, as JSON.",
    read: (s3) => s3.sse.kmsContext,
  }),
  sseKey: s3Setting<Secret>({
    key: "sse.encryption_key",
    value: secret,
    fallback: NONE,
    about: "Key of SSE-C, 32 bytes.",
    read: (s3) => s3.sse.key,
  }),
  storageClass: s3Setting<string>({
    key: "storage_class",
    value: text,
    fallback: "",
    about: "Storage class of the objects in S3; empty: the bucket's own.",
    read: (s3) => s3.storageClass,
  }),
  tags: s3Setting<Record<string, string>>({
    key: "tags",
    value: tagMap,
    fallback: {},
    about: "Tags of the objects in S3.",
    read: (s3) => s3.tags,
  }),
  metadata: s3Setting<Record<string, string>>({
    key: "metadata",
    value: headerMap,
    fallback: {},
    about: "Metadata of the objects in S3.",
    read: (s3) => s3.metadata,
  }),
} as const;

export const s3Settings = Object.values(s3Keys);

export function readS3(at: <T>(setting: Setting<T>) => T): S3Config {
  return {
    ...{ bucket: at(s3Keys.bucket), prefix: at(s3Keys.prefix), endpoint: at(s3Keys.endpoint) },
    ...{ region: at(s3Keys.region), accessKey: at(s3Keys.accessKey) },
    ...{ secretKey: at(s3Keys.secretKey), sessionToken: at(s3Keys.sessionToken) },
    ...{ insecure: at(s3Keys.insecure), pathStyle: at(s3Keys.pathStyle) },
    ...{ bucketLookup: at(s3Keys.bucketLookup), dualStack: at(s3Keys.dualStack) },
    ...{ partBytes: at(s3Keys.partSize), hedgeAtMs: at(s3Keys.hedgeAt) },
    ...{ hedgeUpTo: at(s3Keys.hedgeUpTo), attemptsMax: at(s3Keys.attempts) },
    ...{ waitInitialMs: at(s3Keys.waitInitial), waitMsMax: at(s3Keys.waitMax) },
    tls: {
      ...{ caPath: at(s3Keys.caPath), certPath: at(s3Keys.certPath), keyPath: at(s3Keys.keyPath) },
      ...{ serverName: at(s3Keys.serverName), insecureSkipVerify: at(s3Keys.skipVerify) },
    },
    sse: {
      ...{ type: at(s3Keys.sseType), kmsKeyId: at(s3Keys.sseKeyId) },
      ...{ kmsContext: at(s3Keys.sseContext), key: at(s3Keys.sseKey) },
    },
    storageClass: at(s3Keys.storageClass),
    tags: at(s3Keys.tags),
    metadata: at(s3Keys.metadata),
  };
}
