/**
 * A server on golden blocks of which one has a flipped bit: each answer is right, or it is an error
 * that names the block; and the server goes on.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { Server } from "../support/server.ts";
import { GOLDEN_FOLDER, goldenBlocks } from "./golden-blocks.ts";
import { QUESTIONS } from "./golden-questions.ts";

const ROUNDS = 6;
const SET = "checksums-cut";
const answers = JSON.parse(readFileSync(join(GOLDEN_FOLDER, "answers.json"), "utf8"));

test("a flipped bit gives no wrong answer, seed 8", async () => {
  const random = prng(8);
  const blocks = goldenBlocks().find(([name]) => name === SET)?.[1] ?? [];
  await using server = await Server.start({ "compactor.disabled": true });
  const [{ traceID: id }] = Object.values<{ traces?: { traceID: string }[] }>(answers).flatMap(
    ({ traces }) => traces ?? [],
  );
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { folder, meta } = blocks[random.below(blocks.length)];
    // Footer and indexes as often as pages, which are most of a block.
    const from = random.below(2) === 0 ? 0 : meta.dataBytes - meta.footerBytes - 4000;
    const file = round % 3 === 2 ? "sidecar.bin" : "data.parquet";
    const bytes = Uint8Array.from(readFileSync(join(folder, file)));
    const place = file === "data.parquet" ? from + random.below(bytes.length - from) : undefined;
    bytes[place ?? random.below(bytes.length)] ^= 1 << random.below(8);
    await server.stop();
    cpSync(join(GOLDEN_FOLDER, SET), server.blocksFolder, { recursive: true });
    const within = relative(join(GOLDEN_FOLDER, SET), folder);
    writeFileSync(join(server.blocksFolder, within, file), bytes);
    await server.restart();
    for (const question of QUESTIONS) {
      const response = await server.get(question.replace("{id}", id));
      const text = await response.text();
      if (response.status === 200) {
        const { metrics: _, ...answer } = JSON.parse(text);
        expect([round, question, answer]).toEqual([round, question, answers[question]]);
        continue;
      }
      refused++;
      expect([round, response.status, text]).toEqual([
        round,
        500,
        expect.stringContaining(meta.id),
      ]);
      expect(server.log).toContain(meta.id);
    }
    expect((await server.get("/ready")).status).toBe(200);
  }
  expect(refused).toBeGreaterThan(0);
});
