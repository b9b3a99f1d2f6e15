/** Blocks that are merged in a bucket of a real MinIO, as one process and as two see it. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { holdCount, holdTraces } from "../fault/kill-rounds.ts";
import { LEDGER_WINDOW, LedgerLoad } from "../fault/ledger-load.ts";
import { Bucket, uploaded } from "../support/bucket.ts";
import { EAGER_COMPACTION, merged, metric } from "../support/compaction.ts";
import { minioTool } from "../support/minio.ts";
import { Server } from "../support/server.ts";
import { leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const LOAD_MS = 300;
const BLOCKS = 5;
const GRACE = "backend_scheduler.provider.compaction.compaction.compacted_block_retention";
const DISABLED = "compactor.disabled";

/** As many as questions see. */
async function blocksOf(server: Server): Promise<number> {
  const text = await (await server.get("/metrics")).text();
  return Number(/^tempodb_blocklist_length\{.*\} (\d+)$/m.exec(text)?.[1]);
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
    for (let block = 0; block < BLOCKS; block++) {
      const running = ledger.run(writer.otlp, 2);
      await Bun.sleep(LOAD_MS);
      ledger.stop();
      await running;
      await writer.flush();
    }
    await uploaded(writer);
    expect((await bucket.blocks()).length).toBe(BLOCKS);
    await holdAll(writer, ledger);

    await using merger = await Server.start(settings);
    let isMerged = false;
    const merging = merged(merger, BLOCKS).finally(() => {
      isMerged = true;
    });
    while (!isMerged) for (const one of [writer, merger]) await holdAll(one, ledger);
    await merging;
    for (const one of [writer, merger]) {
      await waitFor(
        async () => (await blocksOf(one)) === 1,
        () => `blocks are not one\n${one.log}`,
      );
      await holdAll(one, ledger);
      expect(await metric(one, "vivace_block_rows")).toBe(ledger.acknowledgedSpans);
    }
    // What was replaced goes; questions do not notice.
    await waitFor(
      async () => (await bucket.keys()).filter((key) => key.startsWith("blocks/")).length === 2,
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
