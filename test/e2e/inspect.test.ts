/**
 * `vivace blocks` and `vivace verify` as a user starts them, beside a server that runs: what they
 * say, how they end, and what the server says of a block in which a bit is flipped.
 */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FileCache } from "../../src/block/file-cache.ts";
import { readDataFile } from "../../src/block/parquet-footer-read.ts";
import { Bucket, uploaded } from "../support/bucket.ts";
import { minioTool } from "../support/minio.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { runToEnd, Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";

const TIMEOUT_MS = 120_000;
const TENANTS = ["a", "b"];
const SPANS = 9000;
const RANGE = "start=1699999000&end=1700004000";
const QUERY = `/api/search?${RANGE}&q=${encodeURIComponent("{ name = `work-1` }")}`;

/** Enough of each tenant for a block of its own. */
async function fill(server: Server): Promise<void> {
  for (const tenant of TENANTS) {
    const spans = Array.from({ length: SPANS }, (_, i) =>
      spanOf({
        traceId: (1000 + Math.floor(i / 3)).toString(16),
        spanId: (1 + i).toString(16),
        name: `work-${i % 7}`,
      }),
    );
    const { status } = await server.send(requestOf(spans), { "x-scope-orgid": tenant });
    expect(status).toBe(200);
  }
  await server.flush();
}

describe("the commands beside a server", () => {
  let server: Server;
  const run = (...words: string[]) => runToEnd([...words, `-config.file=${server.configFile}`]);

  beforeAll(async () => {
    server = await Server.start({ multitenancy_enabled: true });
    await fill(server);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  async function listed(tenant: string): Promise<{ id: string; dataBytes: number }> {
    const { output, exitCode } = await run("blocks", "list", "--json", `--tenant=${tenant}`);
    expect([output, exitCode]).toEqual([output, 0]);
    const [meta] = JSON.parse(output) as { id: string; dataBytes: number }[];
    return meta;
  }

  test("list, show and count blocks", async () => {
    const { output, exitCode } = await run("blocks", "list");
    expect([output, exitCode]).toEqual([output, 0]);
    const [head, ...lines] = output.trim().split("\n");
    expect(head).toMatch(/^ID +TENANT +SPANS/);
    expect(lines.map((line) => line.split(/ +/).slice(1, 4)).sort()).toEqual(
      TENANTS.map((tenant) => [tenant, String(SPANS), String(SPANS / 3)]),
    );
    const { id } = await listed("b");
    const shown = await run("blocks", "show", id.slice(0, 12));
    expect(shown.output).toMatch(/\ntrace_id +16 bytes +dictionary/);
    const stats = await run("blocks", "stats");
    expect(stats.output).toMatch(/\na +1 +0 +9000/);
    expect(stats.output).toContain(`2 blocks, ${SPANS * 2} spans`);
  });

  test("find no damage where there is none", async () => {
    const { output, exitCode } = await run("verify");
    expect([output, exitCode]).toEqual([output, 0]);
    expect(output).toMatch(/2 blocks, [1-9]\d* log segments?, .*; no damage/);
    // No terminal, no progress.
    expect(output).not.toContain("\r");
  });

  test("find a flipped bit in the log of a server that was killed", async () => {
    await server.send(requestOf([spanOf({ traceId: "1", spanId: "1" })]), { "x-scope-orgid": "c" });
    await server.kill();
    const segments = join(server.walFolder, "segments");
    const newest = readdirSync(segments)
      .filter((name) => name.endsWith(".wal"))
      .sort()
      .at(-1);
    const path = join(segments, newest ?? "");
    const whole = readFileSync(path);
    const good = await run("verify");
    expect([good.output, good.exitCode]).toEqual([good.output, 0]);
    expect(good.output).toMatch(/ [1-9]\d* log records?/);
    const damaged = Uint8Array.from(whole);
    damaged[100] ^= 2;
    writeFileSync(path, damaged);
    const { output, exitCode } = await run("verify");
    writeFileSync(path, whole);
    expect([output, exitCode]).toEqual([output, 1]);
    expect(output).toContain(`damaged: ${path}: `);
    await server.restart();
  });

  test("say what they do not understand, with 2", async () => {
    const wrong: [string[], RegExp][] = [
      [["blocks"], /blocks needs list, show or stats/],
      [["blocks", "lits"], /not "lits"/],
      [["blocks", "show"], /needs the id/],
      [["blocks", "show", "no-id"], /"no-id" is no id/],
      [["blocks", "show", "ffffffffffff"], /there is no block/],
      [["verify", "eeeeeeeeeeee"], /there is no block/],
      [["verify", "--json"], /has no --json/],
      [["blocks", "list", "-frob"], /not known/],
      [["blocks", "list", "-storage.trace.local.path=/nowhere"], /there is no folder \/nowhere/],
    ];
    for (const [words, reason] of wrong) {
      const { output, exitCode } = await run(...words);
      expect([words, exitCode]).toEqual([words, 2]);
      expect(output).toMatch(reason);
    }
    const help = await run("verify", "--help");
    expect([help.exitCode, help.output]).toEqual([
      0,
      expect.stringMatching(/^Usage: vivace blocks/),
    ]);
  });

  test("name a flipped bit, as the server does, which serves the rest", async () => {
    const { id } = await listed("a");
    const path = join(server.blocksFolder, "single", "a", id, "data.parquet");
    const files = new FileCache(1);
    const { columns, pageIndex } = readDataFile(files, path);
    files.forget("");
    const place = columns.findIndex((column) => column.path[0] === "name");
    const whole = readFileSync(path);
    const damaged = Uint8Array.from(whole);
    const { offsets, bytes } = pageIndex(place);
    damaged[offsets[0] + bytes[0] - 3] ^= 16;
    writeFileSync(path, damaged);

    const { output, exitCode } = await run("verify");
    expect([output, exitCode]).toEqual([output, 1]);
    expect(output).toContain(`damaged: ${path}: page of column name: crc`);

    const asked = await server.get(QUERY, { "x-scope-orgid": "a" });
    expect(asked.status).toBe(200);
    expect(((await asked.json()) as { metrics: unknown }).metrics).toMatchObject({
      additionalMetrics: { damagedBlocks: "1" },
    });
    expect(server.log).toMatch(new RegExp(`level=error .*${id}.*page of column name: crc`));
    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toContain("\nvivace_damaged_answers_total 1\n");
    const other = await server.get(QUERY, { "x-scope-orgid": "b" });
    expect(other.status).toBe(200);
    expect(((await other.json()) as { traces: unknown[] }).traces.length).toBe(20);

    writeFileSync(path, whole);
    const again = await server.get(QUERY, { "x-scope-orgid": "a" });
    expect(again.status).toBe(200);
  });

  test("name a file that is cut off", async () => {
    const { id, dataBytes } = await listed("b");
    const path = join(server.blocksFolder, "single", "b", id, "data.parquet");
    const whole = readFileSync(path);
    truncateSync(path, dataBytes - 100);
    const { output, exitCode } = await run("verify");
    writeFileSync(path, whole);
    expect([output, exitCode]).toEqual([output, 1]);
    expect(output).toContain(`${id}: data.parquet has ${dataBytes - 100} bytes`);
  });
});

/** What runs a command on the server's bucket, in which all is. */
async function filled(server: Server) {
  await fill(server);
  await uploaded(server);
  return (...words: string[]) => runToEnd([...words, `-config.file=${server.configFile}`]);
}

test.skipIf(leftOut(minioTool))(
  titled("blocks of a bucket are listed and verified", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    await using server = await Server.start({ ...bucket.settings, multitenancy_enabled: true });
    const run = await filled(server);
    const list = await run("blocks", "list", "--json");
    const metas = JSON.parse(list.output) as { id: string; isInBucket: boolean }[];
    expect(metas.map(({ isInBucket }) => isInBucket)).toEqual([true, true]);
    const whole = await run("verify");
    expect([whole.output, whole.exitCode]).toEqual([whole.output, 0]);
    const index = (await bucket.keys()).filter((key) => key.startsWith("index/"));
    const lost = [`metas/${metas[0].id}.json`, `blocks/${metas[1].id}/block.parquet`, ...index];
    for (const key of lost) await bucket.put(key, new TextEncoder().encode("{}"));
    const damaged = await run("verify");
    expect([damaged.output, damaged.exitCode]).toEqual([damaged.output, 1]);
    for (const key of lost) expect(damaged.output).toContain(key);
  },
  INSTALL_TIMEOUT_MS + TIMEOUT_MS,
);

test.skipIf(leftOut(minioTool))(
  titled("objects that are longer than their block, are gone, or are of none", minioTool),
  async () => {
    await using bucket = await Bucket.start();
    await using server = await Server.start({ ...bucket.settings, multitenancy_enabled: true });
    const run = await filled(server);
    const { output } = await run("blocks", "list", "--json");
    const [a, b] = (JSON.parse(output) as { id: string }[]).map(
      ({ id }) => `blocks/${id}/block.parquet`,
    );
    const whole = await bucket.get(a);
    await bucket.put(a, Buffer.concat([whole, Buffer.from("junk")]));
    const long = await run("verify");
    expect([long.output, long.exitCode]).toEqual([long.output, 1]);
    const says = `object has ${whole.length + 4} bytes, its meta says ${whole.length}`;
    expect(long.output).toContain(`damaged: ${a}: ${says}`);
    await bucket.put(a, whole);

    const meta = `metas/${a.split("/")[1]}.json`;
    const metaBytes = await bucket.get(meta);
    await bucket.remove([meta]);
    const unnamed = await run("verify");
    expect([unnamed.output, unnamed.exitCode]).toEqual([unnamed.output, 0]);
    expect(unnamed.output).toContain(`of no block: ${a}`);
    expect(unnamed.output).not.toContain(`of no block: ${b}`);
    await bucket.put(meta, metaBytes);

    await bucket.remove([b]);
    const gone = await run("verify");
    expect([gone.output, gone.exitCode]).toEqual([gone.output, 1]);
    expect(gone.output).toContain(`${b} is not there`);
  },
  INSTALL_TIMEOUT_MS + TIMEOUT_MS,
);
