/** Blocks that are joined with each other before they go into a bucket. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { holdCount, holdTraces } from "../fault/kill-rounds.ts";
import { LedgerLoad } from "../fault/ledger-load.ts";
import { Bucket, uploaded } from "../support/bucket.ts";
import { minioTool } from "../support/minio.ts";
import { Server } from "../support/server.ts";
import { leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const LOAD_MS = 600;
const BLOCKS = 4;

test.skipIf(leftOut(minioTool))(
  titled("small blocks are joined before their upload, and every span is there once", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    const settings = { ...bucket.settings, "vivace.upload_wait": "4s" };
    await using server = await Server.start(settings);
    const ledger = new LedgerLoad(prng(9));
    for (let block = 0; block < BLOCKS; block++) {
      const running = ledger.run(server.otlp, 2);
      await Bun.sleep(LOAD_MS);
      ledger.stop();
      await running;
      await server.flush();
      const offences: string[] = [];
      await holdCount(server, ledger, offences);
      expect(offences).toEqual([]);
    }
    await waitFor(
      () => server.log.includes("blocks joined"),
      () => `nothing is joined:\n${server.log}`,
    );
    await uploaded(server);
    const published = (await bucket.blocks()).length;
    expect(published).toBeLessThan(BLOCKS);
    await using reader = await Server.start(settings);
    for (const one of [server, reader]) {
      const offences: string[] = [];
      await holdCount(one, ledger, offences);
      await holdTraces(one, ledger.acknowledged.slice(-50), offences);
      expect(offences).toEqual([]);
    }
    await server.kill();
    await server.restart();
    const offences: string[] = [];
    await holdCount(server, ledger, offences);
    expect(offences).toEqual([]);
    expect((await bucket.blocks()).length).toBe(published);
  },
  600_000,
);
