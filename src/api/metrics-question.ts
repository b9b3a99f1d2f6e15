/**
 * Metrics as requests of HTTP and gRPC bring them, and the question that they make: steps on
 * whole multiples since 1970, so that neighbouring questions share their slots.
 */
import { EngineError } from "../base/error.ts";
import type { MetricsQuestion } from "../query/question.ts";
import type { Hint, Query } from "../traceql/ast.ts";
import { formatDuration } from "../traceql/duration.ts";
import { endCutoff, type QueryLimits, type QuestionContext } from "./query-limits.ts";
import { checkQuerySize, readQuery } from "./query-text.ts";

export interface InstantAsk {
  readonly query: string;
  /** Unix nanoseconds. */
  readonly startNano: bigint;
  readonly endNano: bigint;
}

export interface MetricsAsk extends InstantAsk {
  /** Undefined: as fits the range. */
  readonly stepNano: bigint | undefined;
  /** 0: as many as the limits allow. */
  readonly exemplars: number;
  readonly maxSeries: number;
}

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
const MINUTE = 60n * NS_PER_SECOND;
const HOUR = 60n * MINUTE;
/** As many slots as a chart is wide enough for, and the lengths that people expect of them. */
const SLOTS_SOUGHT = 240n;
const STEPS = [HOUR, 5n * MINUTE, MINUTE, 15n * NS_PER_SECOND, 5n * NS_PER_SECOND, NS_PER_SECOND];
const STEP_BELOW_A_MINUTE = 50n * NS_PER_MS;

/** Throws `malformed`. */
export function metricsQuestion(ask: MetricsAsk, context: QuestionContext): MetricsQuestion {
  const { tenants, limits } = context;
  checkQuerySize(ask.query, limits.queryBytesMax);
  const cutoff = endCutoff(context);
  const range = cutRange(ask, cutoff);
  checkRange(range, limits);
  const stepNano = ask.stepNano ?? defaultStep(range);
  checkStep(stepNano, { ...range, limits });
  const query = readMetrics(ask.query);
  return {
    type: "metrics",
    tenants,
    query,
    ...alignedRange(range, { stepNano, cutoff }),
    stepNano,
    exemplars: exemplarsOf(query.hints, ask.exemplars, limits.exemplarsMax),
    seriesMax: seriesMaxOf(ask.maxSeries, limits),
  };
}

/** One slot over all of the time; there are no exemplars. Throws `malformed`. */
export function instantQuestion(ask: InstantAsk, context: QuestionContext): MetricsQuestion {
  const { tenants, limits } = context;
  checkQuerySize(ask.query, limits.queryBytesMax);
  const range = cutRange(ask, endCutoff(context));
  checkRange(range, limits);
  return {
    type: "metrics",
    tenants,
    query: readMetrics(ask.query),
    ...range,
    stepNano: undefined,
    exemplars: 0,
    seriesMax: limits.seriesMax,
  };
}

interface Range {
  readonly startNano: bigint;
  readonly endNano: bigint;
}

/** Up to the cutoff, from 1970. */
function cutRange({ startNano, endNano }: Range, cutoff: bigint | undefined): Range {
  if (endNano <= startNano || endNano <= 0n) {
    throw new EngineError("malformed", "end must be greater than start");
  }
  const isCut = cutoff !== undefined && endNano > cutoff;
  const range = { startNano: startNano < 0n ? 0n : startNano, endNano: isCut ? cutoff : endNano };
  if (range.startNano < range.endNano) return range;
  throw new EngineError("malformed", "query window falls entirely within query_end_cutoff");
}

function checkRange({ startNano, endNano }: Range, { metricsRangeMsMax }: QueryLimits): void {
  const max = BigInt(metricsRangeMsMax) * NS_PER_MS;
  if (max === 0n || endNano - startNano <= max) return;
  const allowed = `the maximum allowed duration of ${formatDuration(max)}`;
  throw new EngineError("malformed", `metrics query time range exceeds ${allowed}`);
}

function checkStep(
  stepNano: bigint,
  { startNano, endNano, limits }: Range & { limits: QueryLimits },
): void {
  const stepsMax = BigInt(limits.metricsStepsMax);
  const length = endNano - startNano;
  if (stepNano > 0n && (stepsMax === 0n || length / stepNano <= stepsMax)) return;
  const min = formatDuration(length / (stepsMax || 1n));
  const small = `step of ${formatDuration(stepNano)} is too small`;
  throw new EngineError("malformed", `${small}, minimum step for given range is ${min}`);
}

/** The longest of the usual steps that gives as many slots as are sought. */
export function defaultStep({ startNano, endNano }: Range): bigint {
  const length = endNano - startNano;
  const sought = length / SLOTS_SOUGHT;
  const floor = length < MINUTE ? STEP_BELOW_A_MINUTE : NS_PER_SECOND;
  const unit = length < MINUTE ? floor : (STEPS.find((step) => sought > step) ?? floor);
  return sought > unit ? sought - (sought % unit) : floor;
}

/** Whole steps around the range, and one before it. */
function alignedRange(
  { startNano, endNano }: Range,
  { stepNano, cutoff }: { stepNano: bigint; cutoff: bigint | undefined },
): Range {
  const first = startNano - (startNano % stepNano);
  const over = endNano % stepNano;
  const last = over === 0n ? endNano : endNano - over + stepNano;
  if (BigInt.asIntN(64, last) !== last) {
    throw new EngineError("malformed", `step of ${formatDuration(stepNano)} is too large`);
  }
  const isCut = cutoff !== undefined && last > cutoff;
  return {
    startNano: first > stepNano ? first - stepNano : first,
    endNano: isCut ? cutoff - (cutoff % stepNano) : last,
  };
}

function readMetrics(text: string): Query {
  const query = readQuery(text);
  if (query.body.node !== "pipeline") return query;
  throw new EngineError("malformed", "not a metrics query");
}

/** The hint goes before the parameter; the limit holds for both. */
function exemplarsOf(hints: readonly Hint[], asked: number, max: number): number {
  const hint = hints.find(({ name }) => name === "exemplars")?.value;
  if (hint?.type === "int") return Math.min(Number(hint.value), max);
  if (hint?.type === "bool" && !hint.value) return 0;
  return asked === 0 ? max : Math.min(asked, max);
}

function seriesMaxOf(asked: number, { seriesMax }: QueryLimits): number {
  return asked === 0 || (seriesMax !== 0 && asked > seriesMax) ? seriesMax : asked;
}
