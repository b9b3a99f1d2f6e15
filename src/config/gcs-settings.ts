/** `storage.trace.gcs`: the bucket in Google's storage, and how it is asked. */
import { z } from "zod";
import { KiB, MiB } from "../base/bytes.ts";
import type { Config, GcsConfig } from "./config.ts";
import { STORE_ATTEMPTS_DEFAULT } from "./limits.ts";
import { headerMap, hedgeUpTo, storeAttempts, storePrefix } from "./s3-settings.ts";
import type { Setting } from "./table/key.ts";
import { wholeMs } from "./value/bounded.ts";
import { byteSize, flag, makeValue, text, type Value } from "./value/value.ts";

/** Google takes chunks of whole multiples of this. */
const CHUNK_UNIT = 256 * KiB;
const CHUNK_BYTES_DEFAULT = 10 * MiB;

function gcsSetting<T>(
  one: Omit<Setting<T>, "kind" | "read" | "path"> & {
    readonly key: string;
    readonly read: (gcs: GcsConfig) => T;
  },
): Setting<T> {
  const { key, read, ...rest } = one;
  const path = `storage.trace.gcs.${key}`;
  return { kind: "setting", path, ...rest, read: (config: Config) => read(config.gcs) };
}

const chunkSize: Value<number> = {
  ...byteSize,
  schema: byteSize.schema
    .transform((bytes) => (bytes === 0 ? CHUNK_BYTES_DEFAULT : bytes))
    .refine((bytes) => bytes >= CHUNK_UNIT)
    .transform((bytes) => Math.ceil(bytes / CHUNK_UNIT) * CHUNK_UNIT),
  expected: "a number of bytes, at least 256KiB, such as 10MiB",
};

export const gcsKeys = {
  bucket: gcsSetting<string>({
    key: "bucket_name",
    value: text,
    fallback: "",
    about: "The bucket of the blocks in Google's storage.",
    read: (gcs) => gcs.bucket,
  }),
  prefix: gcsSetting<string>({
    key: "prefix",
    value: storePrefix,
    fallback: "",
    about: "Before all keys in the bucket of Google's storage.",
    read: (gcs) => gcs.prefix,
  }),
  chunkSize: gcsSetting<number>({
    key: "chunk_buffer_size",
    value: chunkSize,
    fallback: CHUNK_BYTES_DEFAULT,
    about: "Files above it go to Google's storage in chunks of it.",
    read: (gcs) => gcs.chunkBytes,
  }),
  endpoint: gcsSetting<string>({
    key: "endpoint",
    value: makeValue<string>({
      wants: "text",
      schema: z
        .string()
        .refine((url) => url === "" || (/^https?:\/\//.test(url) && URL.canParse(url))),
      expected: "an address such as https://storage.googleapis.com/storage/v1/",
      off: [""],
    }),
    fallback: "",
    about: "Address of Google's storage, if it is another one.",
    read: (gcs) => gcs.endpoint,
  }),
  insecure: gcsSetting<boolean>({
    key: "insecure",
    value: flag,
    fallback: false,
    about: "Without credentials for Google's storage, and with any certificate of it.",
    read: (gcs) => gcs.insecure,
  }),
  hedgeAt: gcsSetting<number>({
    key: "hedge_requests_at",
    value: wholeMs(),
    fallback: 0,
    about: "After this without an answer a read of Google's storage is sent again; 0: never.",
    read: (gcs) => gcs.hedgeAtMs,
  }),
  hedgeUpTo: gcsSetting<number>({
    key: "hedge_requests_up_to",
    value: hedgeUpTo,
    fallback: 2,
    about: "Requests for one read of Google's storage at once, at most.",
    read: (gcs) => gcs.hedgeUpTo,
  }),
  cacheControl: gcsSetting<string>({
    key: "object_cache_control",
    value: makeValue<string>({
      wants: "text",
      schema: z.string().regex(/^[\x20-\x7e]{0,200}$/),
      expected: "a text for the header Cache-Control",
      off: [""],
    }),
    fallback: "",
    about: "Cache-Control of the objects in Google's storage.",
    read: (gcs) => gcs.cacheControl,
  }),
  metadata: gcsSetting<Record<string, string>>({
    key: "object_metadata",
    value: headerMap,
    fallback: {},
    about: "Metadata of the objects in Google's storage.",
    read: (gcs) => gcs.metadata,
  }),
  attempts: gcsSetting<number>({
    key: "max_retries",
    value: storeAttempts,
    fallback: STORE_ATTEMPTS_DEFAULT,
    about: "Attempts for one request to Google's storage.",
    read: (gcs) => gcs.attemptsMax,
  }),
} as const;

export const gcsSettings = Object.values(gcsKeys);

export function readGcs(at: <T>(setting: Setting<T>) => T): GcsConfig {
  return {
    bucket: at(gcsKeys.bucket),
    prefix: at(gcsKeys.prefix),
    chunkBytes: at(gcsKeys.chunkSize),
    endpoint: at(gcsKeys.endpoint),
    insecure: at(gcsKeys.insecure),
    hedgeAtMs: at(gcsKeys.hedgeAt),
    hedgeUpTo: at(gcsKeys.hedgeUpTo),
    cacheControl: at(gcsKeys.cacheControl),
    metadata: at(gcsKeys.metadata),
    attemptsMax: at(gcsKeys.attempts),
  };
}
