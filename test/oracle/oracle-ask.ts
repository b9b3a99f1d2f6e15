/** Questions of all kinds: made at random, as requests of HTTP, and answered by the oracle. */
import type { Prng } from "../../src/base/prng.ts";
import type { Question } from "../../src/query/question.ts";
import type { Field, FieldExpr, Query } from "../../src/traceql/ast.ts";
import { parse } from "../../src/traceql/parse.ts";
import { print, printField } from "../../src/traceql/print.ts";
import { answer } from "./oracle.ts";
import { bodyOf, comparable, type Json } from "./oracle-body.ts";
import {
  randomField,
  randomMetricsBody,
  randomSearchQuery,
  randomTagFilter,
} from "./oracle-queries.ts";
import type { OracleTrace } from "./oracle-span.ts";
import { EPOCH, SPREAD } from "./oracle-traces.ts";

/** Unix seconds. */
interface Window {
  readonly start: number;
  readonly end: number;
}

export type Asked =
  | {
      readonly type: "search";
      readonly query: Query;
      readonly window: Window | undefined;
      readonly limit: number;
      readonly spss: number;
    }
  /** Without a step: an instant. */
  | {
      readonly type: "metrics";
      readonly query: Query;
      readonly window: Window;
      readonly step: number | undefined;
    }
  | {
      readonly type: "names";
      readonly version: 1 | 2;
      readonly scope: string;
      readonly filter: FieldExpr | undefined;
      readonly window: Window | undefined;
    }
  | {
      readonly type: "values";
      readonly field: Field;
      readonly filter: FieldExpr | undefined;
      readonly window: Window | undefined;
    };

const LIMITS = [1, 2, 3, 20];
const SPAN_LIMITS = [1, 3, 100];
const STEPS = [1, 7, 10, 60, 600];
const SCOPES = ["", "resource", "span", "event", "link", "instrumentation"] as const;
/** Of these the values are known without data; of ids there are none. */
const FIXED: readonly string[] = [
  ...["status", "kind", "duration", "traceDuration"],
  ...["trace:id", "span:id", "span:parentID", "link:traceID", "link:spanID"],
];

function pick<T>(random: Prng, from: readonly T[]): T {
  return from[random.below(from.length)];
}

export type AskedKind = Asked["type"];
export const ASKED_KINDS: readonly AskedKind[] = ["search", "metrics", "names", "values"];

/** How many of twenty questions are of the kind. */
const SHARES: Readonly<Record<AskedKind, number>> = { search: 11, metrics: 5, names: 2, values: 2 };

function randomKind(random: Prng, kinds: readonly AskedKind[]): AskedKind {
  return pick(
    random,
    kinds.flatMap((kind) => Array.from({ length: SHARES[kind] }, () => kind)),
  );
}

export function randomAsked(random: Prng, kinds: readonly AskedKind[]): Asked {
  const kind = randomKind(random, kinds);
  const window = random.below(2) === 0 ? undefined : randomWindow(random);
  if (kind === "search") {
    const query = randomSearchQuery(random);
    return {
      type: "search",
      query,
      window,
      limit: pick(random, LIMITS),
      spss: pick(random, SPAN_LIMITS),
    };
  }
  if (kind === "metrics") {
    const step = random.below(3) === 0 ? undefined : pick(random, STEPS);
    const query = randomMetricsBody(random);
    return { type: "metrics", query, window: randomWindow(random), step };
  }
  const filter = random.below(3) === 0 ? undefined : randomTagFilter(random);
  if (kind === "names") {
    const scope = pick(random, SCOPES);
    if (random.below(3) === 0)
      return { type: "names", version: 1, scope, filter: undefined, window };
    return { type: "names", version: 2, scope, filter, window };
  }
  return { type: "values", field: randomTagField(random), filter, window };
}

function randomTagField(random: Prng): Field {
  for (;;) {
    const field = randomField(random);
    if (!FIXED.includes(field.name)) return field;
  }
}

function randomWindow(random: Prng): Window {
  if (random.below(2) === 0) return { start: EPOCH - 20, end: EPOCH + SPREAD + 20 };
  const start = EPOCH - 20 + random.below(SPREAD);
  return { start, end: start + 1 + random.below(SPREAD) };
}

// ---- as a request

export function pathOf(asked: Asked): string {
  const { window } = asked;
  const params = new URLSearchParams();
  if (window !== undefined) {
    params.set("start", String(window.start));
    params.set("end", String(window.end));
  }
  switch (asked.type) {
    case "search":
      params.set("q", print(asked.query));
      params.set("limit", String(asked.limit));
      params.set("spss", String(asked.spss));
      return `/api/search?${params}`;
    case "metrics":
      params.set("q", print(asked.query));
      if (asked.step === undefined) return `/api/metrics/query?${params}`;
      params.set("step", `${asked.step}s`);
      return `/api/metrics/query_range?${params}`;
    case "names":
      if (asked.scope !== "") params.set("scope", asked.scope);
      if (asked.filter !== undefined) params.set("q", filterText(asked.filter));
      return `${asked.version === 1 ? "/api/search/tags" : "/api/v2/search/tags"}?${params}`;
    case "values":
      if (asked.filter !== undefined) params.set("q", filterText(asked.filter));
      return `/api/v2/search/tag/${encodeURIComponent(printField(asked.field))}/values?${params}`;
  }
}

function filterText(filter: FieldExpr): string {
  return `{ ${printField(filter)} }`;
}

/** For people. */
export function describeAsked(asked: Asked): string {
  return decodeURIComponent(pathOf(asked).replaceAll("+", " "));
}

// ---- as the oracle answers

const NS = 1_000_000_000n;

export function wantedOf(asked: Asked, traces: readonly OracleTrace[]): Json {
  const form = {
    isInstant: asked.type === "metrics" && asked.step === undefined,
    isFirstVersion: asked.type === "names" && asked.version === 1,
  };
  const body = bodyOf(answer(questionOf(asked), traces), form);
  // As it travels: numbers that JSON cannot tell apart are one.
  return comparable(JSON.parse(JSON.stringify(body)) as Json);
}

/** Of the text of the query, which is all that a server sees. */
function questionOf(asked: Asked): Question {
  const { window } = asked;
  const all = {
    tenants: ["own"],
    startNano: window && BigInt(window.start) * NS,
    endNano: window && BigInt(window.end) * NS,
  };
  switch (asked.type) {
    case "search":
      return {
        ...all,
        type: "search",
        query: parse(print(asked.query)),
        limit: asked.limit,
        spansPerSpanSet: asked.spss,
        minDurationNano: undefined,
        maxDurationNano: undefined,
        withoutSpanSets: false,
      };
    case "metrics":
      return {
        ...all,
        type: "metrics",
        query: parse(print(asked.query)),
        ...aligned(asked.window, asked.step),
        exemplars: 0,
        seriesMax: 0,
      };
    case "names": {
      const scope = SCOPES.find((one) => one === asked.scope) || undefined;
      return { ...all, type: "tagNames", scope, filter: reread(asked.filter), limit: 0 };
    }
    case "values": {
      const filter = reread(asked.filter);
      return { ...all, type: "tagValues", field: asked.field, filter, limit: 0, bytesMax: 2 ** 30 };
    }
  }
}

function reread(filter: FieldExpr | undefined): FieldExpr | undefined {
  if (filter === undefined) return undefined;
  const { body } = parse(filterText(filter));
  const stage = body.node === "pipeline" ? body.stages[0] : undefined;
  return stage?.node === "filter" ? stage.expr : undefined;
}

/** Whole steps around the window, and one before. */
function aligned({ start, end }: Window, step: number | undefined) {
  if (step === undefined) {
    return { startNano: BigInt(start) * NS, endNano: BigInt(end) * NS, stepNano: undefined };
  }
  const first = start - (start % step) - step;
  const last = Math.ceil(end / step) * step;
  return {
    startNano: BigInt(first) * NS,
    endNano: BigInt(last) * NS,
    stepNano: BigInt(step) * NS,
  };
}
