/**
 * What is new in an answer that grows. Only what the whole answer will have as well is told before
 * it: clients put together what they get, and can take nothing back.
 */
import type {
  KeyValue,
  MetricsAnswer,
  SearchAnswer,
  Series,
  TagNamesAnswer,
  TagValuesAnswer,
} from "../query/question.ts";
import type { Query } from "../traceql/ast.ts";
import { staticText } from "./answer-value.ts";

/** Of what is known so far, what was not told yet. */
export type Diff<Answer> = (soFar: Answer) => Answer;

/** Whether a thing comes for the first time. */
function firstTime(): (key: string) => boolean {
  const told = new Set<string>();
  return (key) => told.size < told.add(key).size;
}

/** A trace that is told is whole. */
export function searchDiff(): Diff<SearchAnswer> {
  const isNew = firstTime();
  return (soFar) => ({ ...soFar, traces: soFar.traces.filter(({ traceId }) => isNew(traceId)) });
}

/** With a limit, what is known so far may still give way. */
export function tagNamesDiff(limit: number): Diff<TagNamesAnswer> {
  if (limit > 0) return (soFar) => ({ ...soFar, scopes: [] });
  const isNew = firstTime();
  return (soFar) => ({
    ...soFar,
    scopes: soFar.scopes.flatMap(({ scope, names }) => {
      const some = names.filter((name) => isNew(`${scope} ${name}`));
      return some.length === 0 ? [] : [{ scope, names: some }];
    }),
  });
}

export function tagValuesDiff(limit: number): Diff<TagValuesAnswer> {
  if (limit > 0) return (soFar) => ({ ...soFar, values: [] });
  const isNew = firstTime();
  return (soFar) => ({
    ...soFar,
    values: soFar.values.filter((value) => isNew(`${value.type} ${staticText(value)}`)),
  });
}

/**
 * Samples with another value than was told; exemplars come with the whole answer. Stages after the
 * aggregation choose among series or samples, and may choose others in the end.
 */
export function metricsDiff(query: Query): Diff<MetricsAnswer> {
  if (!isStable(query)) return (soFar) => ({ ...soFar, series: [] });
  const told = new Map<string, Map<number, number>>();
  const fresh = ({ labels, samples }: Series): Series[] => {
    const key = JSON.stringify(labels.map(labelText));
    const before = told.get(key) ?? new Map<number, number>();
    told.set(key, before);
    const some = samples.filter(({ timestampMs, value }) => {
      const isSame = Object.is(before.get(timestampMs), value);
      if (!isSame) before.set(timestampMs, value);
      return !isSame;
    });
    return some.length === 0 ? [] : [{ labels, samples: some, exemplars: [] }];
  };
  return (soFar) => {
    // With too many series, which ones are kept is not known before the end.
    const series = soFar.partial === undefined ? soFar.series.flatMap(fresh) : [];
    return { ...soFar, partial: undefined, series };
  };
}

function isStable({ body }: Query): boolean {
  if (body.node !== "metricsQuery") return false;
  return body.fn.node === "metricsFunction" && body.seconds.length === 0;
}

function labelText({ key, value }: KeyValue): string {
  return `${key} ${value.type} ${value.type === "list" ? "" : staticText(value)}`;
}
