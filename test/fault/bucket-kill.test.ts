/** kill -9 under load while blocks are cut, brought into a MinIO, merged there, and let go. */
import { expect, test } from "vitest";
import { Bucket } from "../support/bucket.ts";
import { minioTool } from "../support/minio.ts";
import { leftOut, titled } from "../support/tool-cache.ts";
import { bucketKillRounds } from "./bucket-kill.ts";
import { bucketPairRounds } from "./bucket-pair.ts";

// Seeds say with which of the moments they begin: bucket-kill-run.ts goes through all of them.

test.skipIf(leftOut(minioTool))(
  titled("what was acknowledged is in the bucket once, and nothing else stays there", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    const report = await bucketKillRounds(bucket, { seed: 6, kills: 4, loadMsMax: 600 });
    expect(report.offences).toEqual([]);
    expect(report.acknowledgedSpans).toBeGreaterThan(5000);
  },
  600_000,
);

test.skipIf(leftOut(minioTool))(
  titled("two processes that merge in one bucket lose and double nothing", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    const report = await bucketPairRounds(bucket, { seed: 2, kills: 2, loadMsMax: 400 });
    expect(report.offences).toEqual([]);
    expect(report.acknowledgedSpans).toBeGreaterThan(2000);
  },
  600_000,
);
