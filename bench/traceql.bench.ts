/**
 * The language: reading a query, and making a plan of it, per query of those that the tests have
 * of every construct.
 *
 * Sketch: some 60 characters, 20 tokens, 15 nodes of the tree; an object each takes 2 to 5 µs.
 */
import { do_not_optimize, measure } from "mitata";
import { readQuery } from "../src/api/query-text.ts";
import { planSearch } from "../src/query/search-plan.ts";
import { parse } from "../src/traceql/parse.ts";
import { print } from "../src/traceql/print.ts";
import { GOOD } from "../test/traceql/queries.ts";
import { hold } from "./budget.ts";

const trees = GOOD.map((text) => parse(text));
const searched = trees.filter(({ body }) => body.node !== "metricsOperation");

/** Microseconds for one of the queries. */
async function each(name: string, queries: number, work: () => unknown): Promise<void> {
  const { p50 } = await measure(() => do_not_optimize(work()));
  hold(name, (p50 ?? Number.NaN) / 1000 / queries, "µs/query");
}

await each("traceql_parse_us", GOOD.length, () => GOOD.map((text) => parse(text)));
await each("traceql_read_us", GOOD.length, () => GOOD.map((text) => readQuery(text)));
await each("traceql_print_us", trees.length, () => trees.map((tree) => print(tree)));
await each("traceql_plan_us", searched.length, () =>
  searched.map((query) =>
    planSearch({
      type: "search",
      tenants: ["single-tenant"],
      startNano: undefined,
      endNano: undefined,
      query,
      limit: 20,
      spansPerSpanSet: 3,
      minDurationNano: undefined,
      maxDurationNano: undefined,
      withoutSpanSets: false,
    }),
  ),
);
