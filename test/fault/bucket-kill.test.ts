/** kill -9 under full load while blocks are cut, uploaded to a MinIO, and published there. */
import { expect, test } from "vitest";
import { Bucket } from "../support/bucket.ts";
import { minioTool } from "../support/minio.ts";
import { leftOut, titled } from "../support/tool-cache.ts";
import { bucketKillRounds } from "./bucket-kill.ts";

test.skipIf(leftOut(minioTool))(
  titled("what was acknowledged is in the bucket once, and nothing else stays there", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    const report = await bucketKillRounds(bucket, { seed: 3, kills: 4, loadMsMax: 600 });
    expect(report.offences).toEqual([]);
    expect(report.acknowledgedSpans).toBeGreaterThan(5000);
  },
  600_000,
);
