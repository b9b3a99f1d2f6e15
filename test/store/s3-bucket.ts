/** Stores on a MinIO of the tests, opened as a configuration would, with less patience. */
import { Client } from "minio";
import { systemClock } from "../../src/base/clock.ts";
import { prng } from "../../src/base/prng.ts";
import { openS3 } from "../../src/store/s3/open-s3.ts";
import type { S3Objects } from "../../src/store/s3/s3-objects.ts";
import type { S3Options } from "../../src/store/s3/s3-options.ts";
import { MINIO_ACCESS_KEY, MINIO_SECRET_KEY } from "../support/minio.ts";
import { PART_BYTES } from "./object-store-contract.ts";

export const BUCKET = "vivace-test";

export function s3Options(more: Partial<S3Options> & Pick<S3Options, "endpoint">): S3Options {
  return {
    bucket: BUCKET,
    prefix: "some/prefix",
    region: "",
    accessKey: MINIO_ACCESS_KEY,
    secretKey: MINIO_SECRET_KEY,
    sessionToken: "",
    insecure: true,
    addressing: "auto",
    partBytes: PART_BYTES,
    tls: { caPath: "", certPath: "", keyPath: "", serverName: "", insecureSkipVerify: false },
    encryption: { type: "" },
    storageClass: "",
    tags: {},
    metadata: {},
    policy: {
      ...{ attemptsMax: 4, waitInitialMs: 5, waitMsMax: 50, attemptMs: 20_000 },
      ...{ hedgeAtMs: 0, hedgeUpTo: 2 },
    },
    ...more,
  };
}

export function openBucket(more: Parameters<typeof s3Options>[0]): S3Objects {
  return openS3(s3Options(more), { clock: systemClock, random: prng(1) });
}

/** The package as it comes, to look at the bucket from outside. */
export function onlooker(port: number): Client {
  const keys = { accessKey: MINIO_ACCESS_KEY, secretKey: MINIO_SECRET_KEY };
  return new Client({ endPoint: "127.0.0.1", port, useSSL: false, region: "us-east-1", ...keys });
}

/** Ids of uploads of the object that are neither complete nor aborted. */
export async function uploadsOf(port: number, object: string): Promise<string[]> {
  const found = await onlooker(port).listIncompleteUploadsQuery(BUCKET, object, "", "", "");
  return found.uploads.map(({ uploadId }) => uploadId);
}
