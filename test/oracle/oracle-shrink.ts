/** Smaller questions and smaller trace sets: what a failure is made of. */
import type { Query } from "../../src/traceql/ast.ts";
import { parse } from "../../src/traceql/parse.ts";
import { print } from "../../src/traceql/print.ts";
import type { Asked } from "./oracle-ask.ts";
import { isGood } from "./oracle-queries.ts";
import { PARTS, type SentItem } from "./oracle-traces.ts";

export interface Case {
  readonly items: readonly SentItem[];
  readonly asked: Asked;
}

const ATTEMPTS_MAX = 400;

/** The smallest that is found of which `fails` still says true. */
export async function shrink(start: Case, fails: (one: Case) => Promise<boolean>): Promise<Case> {
  let best = start;
  let attempts = 0;
  for (let isBetter = true; isBetter; ) {
    isBetter = false;
    for (const smaller of smallerCases(best)) {
      if (attempts++ >= ATTEMPTS_MAX) return best;
      if (!(await fails(smaller))) continue;
      best = smaller;
      isBetter = true;
      break;
    }
  }
  return best;
}

function* smallerCases({ items, asked }: Case): Generator<Case> {
  // All in the head, else all in one block, and never back again.
  const parts = new Set(items.map(({ part }) => part));
  const inHead = parts.size === 1 && parts.has(PARTS - 1);
  const wholes = inHead ? [] : parts.size === 1 ? [PARTS - 1] : [PARTS - 1, 0];
  for (const part of wholes) {
    yield { asked, items: items.map((item) => ({ ...item, part })) };
  }
  for (const smaller of smallerLists(items, 0)) yield { asked, items: smaller };
  for (const smaller of smallerAsked(asked)) yield { asked: smaller, items };
  for (const [i, item] of items.entries()) {
    for (const smaller of smallerItems(item)) yield { asked, items: items.with(i, smaller) };
  }
}

/** Halves first, then each element. */
function* smallerLists<T>(list: readonly T[], least: number): Generator<T[]> {
  for (let size = Math.floor(list.length / 2); size > 0; size = Math.floor(size / 2)) {
    for (let from = 0; from < list.length; from += size) {
      const smaller = list.toSpliced(from, size);
      if (smaller.length >= least) yield smaller;
    }
  }
  if (list.length === 1 && least === 0) yield [];
}

function* smallerItems(item: SentItem): Generator<SentItem> {
  const { span, resource, scope } = item;
  for (const key of ["attributes", "events", "links"] as const) {
    for (const list of smallerLists<unknown>(span[key] ?? [], 0)) {
      yield { ...item, span: { ...span, [key]: list } };
    }
  }
  for (const list of smallerLists(resource, 0)) yield { ...item, resource: list };
  for (const list of smallerLists(scope.attributes, 0)) {
    yield { ...item, scope: { ...scope, attributes: list } };
  }
}

// ---- questions

function* smallerAsked(asked: Asked): Generator<Asked> {
  if (asked.type !== "metrics" && asked.window !== undefined) yield { ...asked, window: undefined };
  if (asked.type === "metrics" && asked.step !== undefined) yield { ...asked, step: undefined };
  if (asked.type === "search" || asked.type === "metrics") {
    for (const query of smallerQueries(asked.query)) {
      // The pipeline alone is no question about metrics.
      if (asked.type === "metrics" && query.body.node === "pipeline") continue;
      yield { ...asked, query };
    }
    return;
  }
  if (asked.filter === undefined) return;
  yield { ...asked, filter: undefined };
  const body = { node: "pipeline", stages: [{ node: "filter", expr: asked.filter }] } as const;
  for (const query of smallerQueries({ body, hints: [] })) {
    const stage = query.body.node === "pipeline" ? query.body.stages[0] : undefined;
    if (stage?.node === "filter") yield { ...asked, filter: stage.expr };
  }
}

function* smallerQueries(query: Query): Generator<Query> {
  for (const body of smallerNodes(query.body as unknown as Node)) {
    const smaller = { ...query, body: body as unknown as Query["body"] };
    if (isWhole(smaller)) yield smaller;
  }
}

/** Nodes are replaced without regard for what may stand where; this tells. */
function isWhole(query: Query): boolean {
  try {
    return isGood(query) && parse(print(query)).body.node === query.body.node;
  } catch {
    return false;
  }
}

type Node = { readonly [key: string]: unknown };

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "node" in value;
}

const TRUE = { node: "literal", value: { type: "bool", value: true } };

/** A node's children in its place, fewer elements of its lists, and the same of what is below. */
function* smallerNodes(node: Node): Generator<Node> {
  for (const key of ["left", "right", "operand", "of", "pipeline"]) {
    const child = node[key];
    if (isNode(child)) yield child;
  }
  if (node["node"] === "filter" && JSON.stringify(node["expr"], big) !== JSON.stringify(TRUE)) {
    yield { ...node, expr: TRUE };
  }
  for (const [key, value] of Object.entries(node)) {
    if (Array.isArray(value)) {
      for (const list of smallerLists<unknown>(value, 0)) yield { ...node, [key]: list };
      for (const [i, child] of value.entries()) {
        if (!isNode(child)) continue;
        for (const smaller of smallerNodes(child)) yield { ...node, [key]: value.with(i, smaller) };
      }
    } else if (isNode(value)) {
      for (const smaller of smallerNodes(value)) yield { ...node, [key]: smaller };
    }
  }
}

function big(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
