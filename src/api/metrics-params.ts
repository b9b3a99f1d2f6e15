/** The parameters of metrics, over a range and at an instant, refused in Tempo's words. */
import { EngineError } from "../base/error.ts";
import type { InstantAsk, MetricsAsk } from "./metrics-question.ts";
import { NS_PER_SECOND, parameter, parseGoDuration, parseMetricsRange } from "./time-params.ts";

const SINCE_DEFAULT = 3600n * NS_PER_SECOND;
const INT64_MAX = 2n ** 63n - 1n;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;

/** Throws `malformed`. */
export function parseInstantParams(params: URLSearchParams, nowNano: bigint): InstantAsk {
  const query = parameter(params, "q") ?? parameter(params, "query") ?? "";
  return { query, ...parseMetricsRange(params, { nowNano, sinceNano: SINCE_DEFAULT }) };
}

/** Throws `malformed`. Numbers of exemplars and series that are none count as absent. */
export function parseMetricsParams(params: URLSearchParams, nowNano: bigint): MetricsAsk {
  const step = parameter(params, "step");
  return {
    ...parseInstantParams(params, nowNano),
    stepNano: step === undefined ? undefined : parseStep(step),
    exemplars: count(params, "exemplars"),
    maxSeries: count(params, "maxSeries"),
  };
}

/** Seconds or a duration. */
function parseStep(text: string): bigint {
  const quoted = JSON.stringify(text);
  const step = NUMBER.test(text) ? secondsOf(text) : durationOf(text);
  if (step > INT64_MAX || step < -INT64_MAX) {
    const message = `cannot parse ${quoted} to a valid duration. It overflows int64`;
    throw new EngineError("malformed", message);
  }
  if (step < 0n) {
    throw new EngineError("malformed", `cannot parse ${quoted}: step must be positive`);
  }
  return step;
}

function secondsOf(text: string): bigint {
  const ns = Number(text) * Number(NS_PER_SECOND);
  return Number.isFinite(ns) ? BigInt(Math.trunc(ns)) : INT64_MAX + 1n;
}

function durationOf(text: string): bigint {
  try {
    return parseGoDuration(text);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const message = `cannot parse ${JSON.stringify(text)} to a valid duration`;
    throw new EngineError("malformed", message);
  }
}

function count(params: URLSearchParams, name: string): number {
  const text = params.get(name) ?? "";
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return value < 2 ** 32 ? value : 0;
}
