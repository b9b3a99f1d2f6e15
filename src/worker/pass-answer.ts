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

const FIRST_NUMBERS = 1024;

export function passAnswer(answer: Answer): PassedAnswer {
  if (answer.type === "search") return { ...answer, traces: summariesText(answer.traces) };
  if (answer.type !== "metrics") return answer;
  const { series, ...rest } = answer;
  const labels = series.flatMap((one) => [one.labels, ...one.exemplars.map((of) => of.labels)]);
  const counts: number[] = [];
  let numbers = new Float64Array(FIRST_NUMBERS);
  let at = 0;
  const add = (some: readonly Sample[]) => {
    if (at + some.length * 2 > numbers.length) numbers = wider(numbers, at + some.length * 2);
    for (const { timestampMs, value } of some) {
      numbers[at++] = timestampMs;
      numbers[at++] = value;
    }
    counts.push(some.length);
  };
  // Samples are made when they are asked for, so each is asked once.
  for (const { samples, exemplars } of series) {
    add(samples);
    add(exemplars);
  }
  const passed = { counts: Uint32Array.from(counts), numbers: numbers.slice(0, at) };
  return { ...rest, labels: labelsText(labels), ...passed };
}

function wider(numbers: Float64Array, atLeast: number): Float64Array<ArrayBuffer> {
  const more = new Float64Array(Math.max(atLeast, numbers.length * 2));
  more.set(numbers);
  return more;
}

export function receiveAnswer(passed: PassedAnswer): Answer {
  if (passed.type === "search") return { ...passed, traces: summariesOf(passed.traces) };
  if (passed.type !== "metrics") return passed;
  const { labels: text, counts, numbers, ...rest } = passed;
  const labels = labelsOf(text);
  const series: Series[] = [];
  let [list, at] = [0, 0];
  for (let i = 0; i < counts.length; i += 2) {
    const own = labels[list++];
    const first = at;
    at += counts[i] * 2;
    const exemplars = Array.from({ length: counts[i + 1] }, (_, place): Exemplar => {
      return { ...sampleAt(numbers, at + place * 2), labels: labels[list++] };
    });
    at += counts[i + 1] * 2;
    series.push({
      labels: own,
      // Made when asked for: half a million objects at once are more than all else of an answer.
      get samples() {
        return Array.from({ length: counts[i] }, (_, place) => {
          return sampleAt(numbers, first + place * 2);
        });
      },
      exemplars,
    });
  }
  return { ...rest, series };
}

function sampleAt(numbers: Float64Array, at: number): Sample {
  return { timestampMs: numbers[at], value: numbers[at + 1] };
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
