/**
 * The server against the reference evaluator, a slice of what oracle-run.ts and mutants-run.ts do
 * for longer. Another seed asks other questions.
 */
import { expect, test } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { catchMutant, mutated } from "./mutants-catch.ts";
import { ASKED_KINDS } from "./oracle-ask.ts";
import { runOracle } from "./oracle-server.ts";
import { runWhileWriting } from "./oracle-writing.ts";

const SEED = 5;
const TENANTS = 30;
const QUESTIONS_PER_TENANT = 100;
const COLD_TENANTS = 150;
const COLD_QUESTIONS = 4;
/** Of the pairs on which the right engine has agreed. */
const HUNT = { seed: SEED, pairs: 1200 };
/** A mistake in filters, and two in what lies in several places. */
const HUNTED = ["nothing is nil", "traces in two blocks", "what came twice"];
const TIMEOUT_MS = 600_000;

test(
  "the server answers as the evaluator does, from head, blocks and both",
  async () => {
    const run = { seed: SEED, tenants: TENANTS, questionsPerTenant: QUESTIONS_PER_TENANT };
    expect(await runOracle({ ...run, kinds: ASKED_KINDS })).toBeUndefined();
  },
  TIMEOUT_MS,
);

test(
  "and as it does to the first questions, when nothing was read before",
  async () => {
    const run = { seed: SEED, tenants: COLD_TENANTS, questionsPerTenant: COLD_QUESTIONS };
    expect(await runOracle({ ...run, kinds: ASKED_KINDS })).toBeUndefined();
  },
  TIMEOUT_MS,
);

test(
  "so it does under full ingest: for what was there, and for a prefix of what arrives",
  async () => {
    const { difference, questions, spans, cuts } = await runWhileWriting({
      seed: SEED,
      tenants: 4,
    });
    expect(difference).toBeUndefined();
    expect(questions).toBeGreaterThan(80);
    expect(spans).toBeGreaterThan(0);
    expect(cuts).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test("there are thirty wrong engines and more, each one edit away from ours", () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
  expect(new Set(MUTANTS.map(mutated)).size).toBe(MUTANTS.length);
  expect(MUTANTS.filter(({ find, replace }) => find === replace)).toEqual([]);
});

test.each(HUNTED)(
  "a wrong engine is caught: %s",
  async (mistake) => {
    const mutant = MUTANTS.find((one) => one.mistake.startsWith(mistake));
    if (mutant === undefined) throw new Error(`test: no mutant with the mistake: ${mistake}`);
    expect(await catchMutant(mutant, HUNT)).toEqual(expect.any(String));
  },
  TIMEOUT_MS,
);
