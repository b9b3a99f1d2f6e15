/**
 * A server on golden blocks of which one has a flipped bit: each answer is right, or it is that of
 * the other blocks and says so; and the log names the block.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { FileCache } from "../../src/block/file-cache.ts";
import { readDataFile } from "../../src/block/parquet-footer-read.ts";
import type { BlockMeta } from "../../src/model/block-meta.ts";
import { Server } from "../support/server.ts";
import { GOLDEN_FOLDER, goldenBlocks } from "./golden-blocks.ts";
import { QUESTIONS } from "./golden-questions.ts";

const ROUNDS = 6;
const SET = "checksums-cut";
/** Bytes in which the flipped one is. */
const SPREAD = 200;
const TIMEOUT_MS = 180_000;
const answers = JSON.parse(readFileSync(join(GOLDEN_FOLDER, "answers.json"), "utf8"));

interface Answered {
  readonly metrics?: { readonly additionalMetrics?: { readonly damagedBlocks?: string } };
  readonly status?: string;
  readonly message?: string;
}

async function fill(server: Server, blocks: (folder: string) => void): Promise<void> {
  await server.stop();
  rmSync(server.blocksFolder, { recursive: true, force: true });
  cpSync(join(GOLDEN_FOLDER, SET), server.blocksFolder, { recursive: true });
  blocks(server.blocksFolder);
  await server.restart();
}

/** What is said of the answer, and the answer without that. */
function parted(text: string) {
  const { metrics, status, message, ...answer } = JSON.parse(text) as Answered;
  const isMarked = metrics?.additionalMetrics?.damagedBlocks === "1" || status === "PARTIAL";
  return { answer, isMarked };
}

test(
  "a flipped bit gives the answer of the other blocks, or the whole one, seed 8",
  async () => {
    const random = prng(8);
    const blocks = goldenBlocks().find(([name]) => name === SET)?.[1] ?? [];
    await using server = await Server.start({ "compactor.disabled": true });
    const [{ traceID: id }] = Object.values<{ traces?: { traceID: string }[] }>(answers).flatMap(
      ({ traces }) => traces ?? [],
    );
    const ask = async (question: string) => {
      const response = await server.get(question.replace("{id}", id));
      return { status: response.status, text: await response.text() };
    };
    const within = (folder: string) => relative(join(GOLDEN_FOLDER, SET), folder);
    const others = new Map<string, Map<string, unknown>>();
    for (const { folder, meta } of blocks) {
      await fill(server, (root) => rmSync(join(root, within(folder)), { recursive: true }));
      const found = new Map<string, unknown>();
      for (const question of QUESTIONS) {
        const { text } = await ask(question);
        found.set(question, parted(text).answer);
      }
      others.set(meta.id, found);
    }
    let lacking = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { folder, meta } = blocks[random.below(blocks.length)];
      const sidecarAt = round % 3 === 2;
      const file = sidecarAt ? "sidecar.bin" : "data.parquet";
      const bytes = Uint8Array.from(readFileSync(join(folder, file)));
      // The ids, the footer and the indexes as often as all else, which is most of a block.
      const from = sidecarAt ? 0 : placeOf(round, join(folder, file), meta);
      bytes[from + random.below(Math.min(bytes.length - from, SPREAD))] ^= 1 << random.below(8);
      await fill(server, (root) => writeFileSync(join(root, within(folder), file), bytes));
      for (const question of QUESTIONS) {
        const { status, text } = await ask(question);
        expect([round, question, status, status === 200 ? "" : text]).toEqual([
          ...[round, question, 200, ""],
        ]);
        const { answer, isMarked } = parted(text);
        if (Bun.deepEquals(answer, answers[question]) && !isMarked) continue;
        lacking++;
        expect([round, question, answer]).toEqual([
          ...[round, question, others.get(meta.id)?.get(question)],
        ]);
        // The first API of traces has no place for it.
        expect([question, isMarked]).toEqual([question, !question.startsWith("/api/traces")]);
        expect(server.log).toContain(meta.id);
      }
      expect((await server.get("/ready")).status).toBe(200);
    }
    expect(lacking).toBeGreaterThan(QUESTIONS.length);
  },
  TIMEOUT_MS,
);

/** Where in the data file the bit is. */
function placeOf(round: number, path: string, meta: BlockMeta): number {
  if (round % 3 === 1) return meta.dataBytes - meta.footerBytes;
  const files = new FileCache(1);
  const { columns } = readDataFile(files, path);
  files.forget("");
  const column = columns.find(({ path: name }) => name[0] === (round === 0 ? "trace_id" : "name"));
  return column?.dataAt ?? 0;
}
