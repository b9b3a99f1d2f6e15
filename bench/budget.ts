/**
 * Holds a figure against its budget. A bench prints its figures through here; with
 * `BENCH_BUDGET=fail` (npm run bench) a figure over its budget ends the run with an error.
 *
 * Budgets are the worst medians that are acceptable on the machine named in README.md, with room
 * for its noise. They are lowered by hand when something became faster.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const budgets = JSON.parse(
  readFileSync(join(import.meta.dirname, "budget.json"), "utf8"),
) as Record<string, number>;

/** Prints `name: value unit, budget …`; `value` must not be over the budget of that name. */
export function hold(name: string, value: number, unit: string): void {
  const budget = budgets[name];
  if (budget === undefined) throw new Error(`no budget for ${name} in bench/budget.json`);
  const verdict = value <= budget ? "" : "  OVER";
  console.log(`${name}: ${value.toFixed(1)} ${unit}, budget ${budget}${verdict}`);
  if (verdict !== "" && process.env["BENCH_BUDGET"] === "fail") process.exitCode = 1;
}

/** The middle value: what noise moves least. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
