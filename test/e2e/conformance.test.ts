/**
 * Tempo's own answers: the questions of shared/conformance, asked of the head, of blocks, of
 * traces that lie in two blocks and in the head, half of it replayed, of merged blocks, and of
 * blocks in a bucket.
 */
import { expect, test } from "vitest";
import { Bucket, uploaded } from "../support/bucket.ts";
import { EAGER_COMPACTION, merged } from "../support/compaction.ts";
import {
  askConformance,
  type ConformanceKind,
  conformanceParts,
  conformanceRequests,
  knownDifferences,
  sendRequests,
} from "../support/conformance.ts";
import { minioTool } from "../support/minio.ts";
import { Server } from "../support/server.ts";
import { leftOut, titled } from "../support/tool-cache.ts";

const KINDS: readonly ConformanceKind[] = [
  ...(["search", "range", "instant", "tags", "values", "trace"] as const),
];
/** Fewer were not all questions. */
const ASKED_MIN = 300;
const REASONS_MAX = 5;
const TIMEOUT_MS = 600_000;

async function expectAgreement(server: Server): Promise<void> {
  const { asked, differing, output } = await askConformance(server, KINDS);
  expect(asked).toBeGreaterThanOrEqual(ASKED_MIN);
  expect(differing, output).toEqual(knownDifferences().ids);
}

test("there are five reasons to differ at most", () => {
  expect(knownDifferences().reasons).toBeLessThanOrEqual(REASONS_MAX);
});

test(
  "answers from the head, and from blocks after a flush, are Tempo's",
  async () => {
    await using server = await Server.start();
    await sendRequests(server, conformanceRequests());
    await expectAgreement(server);
    await server.flush();
    await expectAgreement(server);
  },
  TIMEOUT_MS,
);

test(
  "so are those about traces in two blocks and the head, after a kill",
  async () => {
    await using server = await Server.start();
    const [first, second, third] = conformanceParts(3);
    await sendRequests(server, first);
    await server.flush();
    await sendRequests(server, second);
    await server.flush();
    await sendRequests(server, third);
    await server.kill();
    await server.restart();
    await expectAgreement(server);
  },
  TIMEOUT_MS,
);

test(
  "so are those about blocks that were merged, some twice",
  async () => {
    await using server = await Server.start(EAGER_COMPACTION);
    for (const [i, part] of conformanceParts(4).entries()) {
      // Sent again, all of it would be there twice.
      await sendRequests(server, part);
      await sendRequests(server, part);
      await server.flush();
      if (i === 1) await merged(server, 2);
    }
    await merged(server, 4);
    await expectAgreement(server);
    await server.kill();
    await server.restart();
    await expectAgreement(server);
  },
  TIMEOUT_MS,
);

test.skipIf(leftOut(minioTool))(
  titled("so are those of another process, from blocks in a bucket", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    await using writer = await Server.start(bucket.settings);
    const [first, second] = conformanceParts(2);
    await sendRequests(writer, first);
    await writer.flush();
    await sendRequests(writer, second);
    await writer.flush();
    await uploaded(writer);
    await using reader = await Server.start(bucket.settings);
    await expectAgreement(reader);
  },
  TIMEOUT_MS,
);
