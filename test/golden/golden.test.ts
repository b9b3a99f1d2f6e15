/**
 * Blocks of each format so far stay readable and give the same answers: those that answers.json
 * has, which the first code that could read them gave. make-golden.ts says how they were made.
 *
 * VIVACE_GOLDEN_WRITE=1 writes answers.json anew, from the first set.
 */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../src/inspect/finding.ts";
import { verifyBlock } from "../../src/inspect/verify-block.ts";
import { Server } from "../support/server.ts";
import { GOLDEN_FOLDER, goldenBlocks } from "./golden-blocks.ts";
import { QUESTIONS, RANGE } from "./golden-questions.ts";

const ANSWERS = join(GOLDEN_FOLDER, "answers.json");
const sets = goldenBlocks();
describe("golden blocks", () => {
  test("are there, of all formats, with and without checksums", () => {
    expect(sets.map(([name]) => name)).toEqual([
      ...["before-checksums-cut", "before-checksums-merged"],
      ...["checksums-cut", "checksums-merged"],
      ...["references-cut", "references-merged"],
    ]);
    const versions = new Set(sets.flatMap(([, blocks]) => blocks.map(({ meta }) => meta.version)));
    expect([...versions].sort()).toEqual([1, 2, 3]);
  });

  for (const [name, blocks] of sets) {
    test(`of ${name} are verified`, () => {
      const found: Finding[] = [];
      for (const { folder, meta } of blocks) {
        const nameOf = (file: string) => join(folder, file);
        verifyBlock({ folder, meta, nameOf }, { add: (one) => found.push(one) }, () => {});
      }
      expect(found).toEqual([]);
    });

    test(`of ${name} answer as ever`, async () => {
      const answers = await ask(name);
      if (process.env["VIVACE_GOLDEN_WRITE"] === "1" && name === sets[0][0]) {
        writeFileSync(ANSWERS, `${JSON.stringify(answers, undefined, 1)}\n`);
      }
      expect(existsSync(ANSWERS)).toBe(true);
      expect(answers).toEqual(JSON.parse(readFileSync(ANSWERS, "utf8")));
    });
  }
});

/** By question. What tells of the way to the answer is left out: blocks, bytes, jobs. */
async function ask(set: string): Promise<Record<string, unknown>> {
  const settings = { "compactor.disabled": true };
  await using server = await Server.start(settings);
  await server.stop();
  cpSync(join(GOLDEN_FOLDER, set), server.blocksFolder, { recursive: true });
  await server.restart();
  const answers: Record<string, unknown> = {};
  for (const question of QUESTIONS) {
    const response = await server.get(question.replace("{id}", await firstTrace(server)));
    expect([question, response.status]).toEqual([question, 200]);
    const { metrics: _, ...answer } = (await response.json()) as Record<string, unknown>;
    answers[question] = answer;
  }
  return answers;
}

/** Of those with an error the newest: the same whatever the blocks are. */
async function firstTrace(server: Server): Promise<string> {
  const query = encodeURIComponent("{ status = error }");
  const response = await server.get(`/api/search?${RANGE}&limit=1&q=${query}`);
  const { traces } = (await response.json()) as { traces: readonly { traceID: string }[] };
  return traces[0].traceID;
}
