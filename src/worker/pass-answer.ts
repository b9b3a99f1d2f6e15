/**
 * Answers, and what is gathered for them, on their way between threads: numbers in arrays, the rest
 * in a text. As objects those of a chart took as long to copy as to count.
 */
import type { PartialExemplar } from "../query/exemplar-room.ts";
import type { Gathered } from "../query/gatherer.ts";
import type { MetricsPartial } from "../query/metrics-partial.ts";
import type {
  Answer,
  Exemplar,
  MetricsAnswer,
  Sample,
  SearchAnswer,
  Series,
} from "../query/question.ts";
import { labelsOf, labelsText } from "./pass-labels.ts";
import { rankedOf, rankedText, summariesOf, summariesText } from "./pass-search.ts";

/** As an answer, but its series. */
interface PassedMetrics extends Omit<MetricsAnswer, "series"> {
  /** Of each series, and behind it of its exemplars. */
  readonly labels: string;
  /** Of each series how many samples, and how many exemplars. */
  readonly counts: Uint32Array;
  /** Time and value of the samples, and of the exemplars, of one series after the other. */
  readonly numbers: Float64Array;
}

type PassedSearch = Omit<SearchAnswer, "traces"> & { readonly traces: string };

export type PassedAnswer =
  | Exclude<Answer, MetricsAnswer | SearchAnswer>
  | PassedMetrics
  | PassedSearch;

export function passAnswer(answer: Answer): PassedAnswer {
  if (answer.type === "search") return { ...answer, traces: summariesText(answer.traces) };
  if (answer.type !== "metrics") return answer;
  const { series, ...rest } = answer;
  const labels = series.flatMap((one) => [one.labels, ...one.exemplars.map((of) => of.labels)]);
  const counts = series.flatMap(({ samples, exemplars }) => [samples.length, exemplars.length]);
  const numbers = new Float64Array(counts.reduce((sum, count) => sum + count, 0) * 2);
  let at = 0;
  const add = ({ timestampMs, value }: Sample) => {
    numbers[at++] = timestampMs;
    numbers[at++] = value;
  };
  for (const { samples, exemplars } of series) {
    for (const sample of samples) add(sample);
    for (const exemplar of exemplars) add(exemplar);
  }
  return { ...rest, labels: labelsText(labels), counts: Uint32Array.from(counts), numbers };
}

export function receiveAnswer(passed: PassedAnswer): Answer {
  if (passed.type === "search") return { ...passed, traces: summariesOf(passed.traces) };
  if (passed.type !== "metrics") return passed;
  const { labels: text, counts, numbers, ...rest } = passed;
  const labels = labelsOf(text);
  const series: Series[] = [];
  let [list, at] = [0, 0];
  const sample = (): Sample => ({ timestampMs: numbers[at++], value: numbers[at++] });
  for (let i = 0; i < counts.length; i += 2) {
    const own = labels[list++];
    const samples = Array.from({ length: counts[i] }, sample);
    const exemplars = Array.from({ length: counts[i + 1] }, (): Exemplar => {
      return { ...sample(), labels: labels[list++] };
    });
    series.push({ labels: own, samples, exemplars });
  }
  return { ...rest, series };
}

/** As what was gathered, but traces, and labels of exemplars. */
export type PassedGathered =
  | Exclude<Gathered, { readonly type: "metrics" | "search" }>
  | { readonly type: "search"; readonly traces: string }
  | { readonly type: "metrics"; readonly partial: MetricsPartial; readonly labels: string };

export function passGathered(gathered: Gathered): PassedGathered {
  if (gathered.type === "search") {
    return { type: gathered.type, traces: rankedText(gathered.traces) };
  }
  if (gathered.type !== "metrics") return gathered;
  const { type, partial } = gathered;
  const bare = partial.exemplars.map((one): PartialExemplar => ({ ...one, labels: [] }));
  const labels = labelsText(partial.exemplars.map((one) => one.labels));
  return { type, partial: { ...partial, exemplars: bare }, labels };
}

export function receiveGathered(passed: PassedGathered): Gathered {
  if (passed.type === "search") return { type: passed.type, traces: rankedOf(passed.traces) };
  if (passed.type !== "metrics") return passed;
  const { type, partial, labels: text } = passed;
  const labels = labelsOf(text);
  const exemplars = partial.exemplars.map((one, i) => ({ ...one, labels: labels[i] }));
  return { type, partial: { ...partial, exemplars } };
}
