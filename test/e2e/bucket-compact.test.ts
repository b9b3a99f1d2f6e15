/** Blocks that are merged in a bucket of a real MinIO, as one process and as two see it. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { holdCount, holdTraces } from "../fault/kill-rounds.ts";
import { LEDGER_WINDOW, LedgerLoad } from "../fault/ledger-load.ts";
import { Bucket, uploaded } from "../support/bucket.ts";
import { EAGER_COMPACTION, merged, metric } from "../support/compaction.ts";
import { FakeGcs, fakeGcsTool } from "../support/fake-gcs.ts";
import { minioTool } from "../support/minio.ts";
import { Server } from "../support/server.ts";
import { leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const BLOCKS = 5;
/** Of a block: none is so large that merging it gains nothing. */
const REQUESTS = 40;
const GRACE = "backend_scheduler.provider.compaction.compaction.compacted_block_retention";
const DISABLED = "compactor.disabled";

/** As many as questions see. */
async function blocksOf(server: Server): Promise<number> {
  const text = await (await server.get("/metrics")).text();
  return Number(/^tempodb_blocklist_length\{.*\} (\d+)$/m.exec(text)?.[1]);
}

/** As many blocks in the bucket. */
async function sendBlocks(server: Server, ledger: LedgerLoad): Promise<void> {
  for (let block = 0; block < BLOCKS; block++) {
    const wanted = ledger.acknowledged.length + REQUESTS;
    const running = ledger.run(server.otlp, 2);
    await waitFor(
      () => ledger.acknowledged.length >= wanted,
      () => `requests are not taken\n${server.log}`,
    );
    ledger.stop();
    await running;
    await server.flush();
    // Two that wait for the bucket would go as one.
    await uploaded(server, block + 1);
  }
}

/** Resolves when questions see one block, and all of it is right. */
async function isOne(server: Server, ledger: LedgerLoad): Promise<void> {
  await waitFor(
    async () => (await blocksOf(server)) === 1,
    () => `blocks are not one\n${server.log}`,
  );
  await holdAll(server, ledger);
  expect(await metric(server, "vivace_block_rows")).toBe(ledger.acknowledgedSpans);
}

/** What each of several kinds of questions says of all spans. */
async function holdAll(server: Server, ledger: LedgerLoad): Promise<void> {
  const offences: string[] = [];
  await holdCount(server, ledger, offences);
  await holdTraces(server, ledger.acknowledged.slice(-30), offences);
  const [{ traceIds }] = ledger.acknowledged;
  const q = `{ trace:id = "${traceIds[0]}" }`;
  const params = new URLSearchParams({ q, limit: "10", spss: "100", ...LEDGER_WINDOW });
  const answer = await (await server.get(`/api/search?${params}`)).json();
  const { traces } = answer as { traces: { spanSets: { matched: number }[] }[] };
  if (traces.length !== 1 || traces[0].spanSets[0].matched !== 37) {
    offences.push(`a search finds ${JSON.stringify(answer)}`);
  }
  expect(offences).toEqual([]);
}

test.skipIf(leftOut(minioTool))(
  titled("blocks in a bucket become one, and every span is there once all the time", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    const settings = { ...bucket.settings, ...EAGER_COMPACTION, [GRACE]: "4s" };
    await using writer = await Server.start({ ...settings, [DISABLED]: true });
    const ledger = new LedgerLoad(prng(19));
    await sendBlocks(writer, ledger);
    expect((await bucket.blocks()).length).toBe(BLOCKS);
    await holdAll(writer, ledger);

    await using merger = await Server.start(settings);
    let isMerged = false;
    const merging = merged(merger, BLOCKS).finally(() => {
      isMerged = true;
    });
    let looks = 0;
    for (; !isMerged; looks++) for (const one of [writer, merger]) await holdAll(one, ledger);
    expect(looks).toBeGreaterThan(0);
    await merging;
    for (const one of [writer, merger]) await isOne(one, ledger);
    // What was replaced goes; questions do not notice.
    await waitFor(
      async () => (await bucket.keys()).filter((key) => key.startsWith("blocks/")).length === 1,
      () => `objects stay\n${merger.log}`,
    );
    expect(await bucket.blocks()).toEqual([]);
    for (const one of [writer, merger]) await holdAll(one, ledger);
    await writer.kill();
    await writer.restart();
    await holdAll(writer, ledger);
    expect(await metric(writer, "vivace_block_rows")).toBe(ledger.acknowledgedSpans);
  },
  600_000,
);

test.skipIf(leftOut(fakeGcsTool))(
  titled("blocks in Google's storage become one", fakeGcsTool),
  async () => {
    await using gcs = await FakeGcs.start(["vivace-test"]);
    const settings = {
      ...EAGER_COMPACTION,
      "storage.trace.backend": "gcs",
      "storage.trace.gcs.bucket_name": "vivace-test",
      "storage.trace.gcs.endpoint": `${gcs.endpoint}/storage/v1/`,
      "storage.trace.gcs.insecure": true,
      "storage.trace.blocklist_poll": "1s",
      "vivace.upload_wait": "0s",
    };
    await using server = await Server.start({ ...settings, [DISABLED]: true });
    const ledger = new LedgerLoad(prng(20));
    await sendBlocks(server, ledger);
    expect(await blocksOf(server)).toBe(BLOCKS);
    await server.kill();
    const text = readFileSync(server.configFile, "utf8");
    writeFileSync(server.configFile, text.replace('"disabled": true', '"disabled": false'));
    for (let start = 0; start < 2; start++) {
      await server.restart();
      await isOne(server, ledger);
      await server.kill();
    }
  },
  600_000,
);
