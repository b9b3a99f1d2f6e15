/** What questions are bounded by, and what every maker of questions knows of its request. */
import { EngineError } from "../base/error.ts";
import { formatDuration } from "../traceql/duration.ts";
import { NS_PER_SECOND, type TimeRange } from "./time-params.ts";

/** Of the configuration; a maximum of 0 is none. */
export interface QueryLimits {
  /** Of one TraceQL expression. */
  readonly queryBytesMax: number;
  /** Traces of a search that does not say how many, and the most that it may say. */
  readonly searchTracesDefault: number;
  readonly searchTracesMax: number;
  /** Spans shown of a spanset, likewise. */
  readonly searchSpansDefault: number;
  readonly searchSpansMax: number;
  /** From start to end of a search, or of a list of names or values. */
  readonly searchRangeMsMax: number;
  readonly metricsRangeMsMax: number;
  /** Steps between start and end of metrics. */
  readonly metricsStepsMax: number;
  /** Exemplars of one answer, also when a question does not say how many; 0: there are none. */
  readonly exemplarsMax: number;
  readonly seriesMax: number;
  /** Texts of one list of values together. */
  readonly tagValuesBytesMax: number;
  /** What is younger is not asked for; 0: nothing is too young. */
  readonly endCutoffMs: number;
}

/** Of one request. */
export interface QuestionContext {
  /** Whose data may be read; never empty. */
  readonly tenants: readonly string[];
  readonly limits: QueryLimits;
  /** Unix nanoseconds. */
  readonly nowNano: bigint;
}

/** The youngest that is asked for; undefined: no bound. */
export function endCutoff({ limits, nowNano }: QuestionContext): bigint | undefined {
  if (limits.endCutoffMs === 0) return undefined;
  return nowNano - BigInt(limits.endCutoffMs) * 1_000_000n;
}

/** The range within its limits; throws `malformed`. */
export function boundedRange(range: TimeRange, context: QuestionContext): TimeRange {
  const cutoff = endCutoff(context);
  const { startNano, endNano } = range;
  if (startNano !== undefined && endNano !== undefined) {
    const received = `received start=${startNano / NS_PER_SECOND} end=${endNano / NS_PER_SECOND}`;
    if (endNano < startNano) {
      const message = `http parameter start must be before end. ${received}`;
      throw new EngineError("malformed", message);
    }
    const max = BigInt(context.limits.searchRangeMsMax) * 1_000_000n;
    if (max !== 0n && endNano - startNano > max) {
      const exceeds = `range specified by start and end exceeds ${formatDuration(max)}`;
      throw new EngineError("malformed", `${exceeds}. ${received}`);
    }
  }
  if (cutoff === undefined || (endNano !== undefined && endNano <= cutoff)) return range;
  return { startNano, endNano: cutoff };
}
