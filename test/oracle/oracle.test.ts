/**
 * The server against the reference evaluator, a slice of what oracle-run.ts and mutants-run.ts do
 * for longer. Another seed asks other questions.
 */
import { expect, test } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { catchMutant, mutated } from "./mutants-catch.ts";
import { ASKED_KINDS } from "./oracle-ask.ts";
import { runOracle } from "./oracle-server.ts";

const SEED = 20_261;
const TENANTS = 40;
const QUESTIONS_PER_TENANT = 100;
/** As many pairs as the right engine is asked in the first test, and some of the same. */
const HUNT = { seed: SEED, pairs: 2000 };
/** A mistake in filters, one in what lies in several places, one in metrics. */
const HUNTED = ["nothing is nil", "traces in two blocks", "of equal series"];
const TIMEOUT_MS = 600_000;

test(
  "the server answers as the evaluator does, from head, blocks and both",
  async () => {
    const run = { seed: SEED, tenants: TENANTS, questionsPerTenant: QUESTIONS_PER_TENANT };
    expect(await runOracle({ ...run, kinds: ASKED_KINDS })).toBeUndefined();
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
