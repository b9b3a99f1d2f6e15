/** Traces that were found on their way between threads: one text, as labels are. */

import type { FoundSpan, SpanSet, TraceSummary } from "../query/question.ts";
import { isPlace, type RankedTrace, type ShownSet } from "../query/search-plan.ts";
import {
  flatLabels,
  fromFlat,
  type Passed,
  type Payload,
  passed,
  receivedStatic,
} from "./pass-labels.ts";

type PassedSpan = [id: string, name: string | null, start: string, length: string, Payload[]];
type PassedSet = [matched: number, attributes: Payload[], spans: PassedSpan[]];
type PassedSummary = [
  ...[traceId: string, service: string, name: string, start: string, length: string],
  services: (readonly [string, number, number])[],
  sets: PassedSet[],
];
type PassedShown = [matched: number, rows: readonly number[], attributes: Payload[]];
type PassedPlace = [block: string, part: string, trace: number, sets: PassedShown[]];
type PassedRanked = [
  ...[traceId: string, start: string, key: Passed | null],
  shown: PassedSummary | null,
  place: PassedPlace | null,
];

export function summariesText(traces: readonly TraceSummary[]): string {
  return JSON.stringify(traces.map(passSummary));
}

/** From the text of summariesText(), in another thread. */
export function summariesOf(text: string): TraceSummary[] {
  return (JSON.parse(text) as PassedSummary[]).map(receiveSummary);
}

export function rankedText(traces: readonly RankedTrace[]): string {
  return JSON.stringify(
    traces.map(({ traceId, startUnixNano, key, shown }): PassedRanked => {
      const rank = [
        traceId,
        String(startUnixNano),
        key === undefined ? null : passed(key),
      ] as const;
      if (!isPlace(shown)) return [...rank, passSummary(shown), null];
      const { block, part, trace, sets } = shown;
      return [...rank, null, [block, part, trace, sets.map(passShown)]];
    }),
  );
}

/** From the text of rankedText(), in another thread. */
export function rankedOf(text: string): RankedTrace[] {
  const all = JSON.parse(text) as PassedRanked[];
  return all.flatMap(([traceId, start, key, summary, place]): RankedTrace[] => {
    const rank = {
      key: key === null ? undefined : receivedStatic(...key),
      ...{ startUnixNano: BigInt(start), traceId },
    };
    if (summary !== null) return [{ ...rank, shown: receiveSummary(summary) }];
    if (place === null) return [];
    const [block, part, trace, sets] = place;
    return [{ ...rank, shown: { block, part, trace, sets: sets.map(receiveShown) } }];
  });
}

function passSummary(trace: TraceSummary): PassedSummary {
  const { traceId, rootServiceName, rootTraceName, startUnixNano, durationNano } = trace;
  return [
    ...([traceId, rootServiceName, rootTraceName] as const),
    ...([String(startUnixNano), String(durationNano)] as const),
    trace.services.map(({ service, spans, errors }) => [service, spans, errors]),
    trace.spanSets.map(({ matched, attributes, spans }) => {
      return [matched, flatLabels(attributes), spans.map(passSpan)];
    }),
  ];
}

function receiveSummary(passed: PassedSummary): TraceSummary {
  const [traceId, rootServiceName, rootTraceName, start, length, services, sets] = passed;
  return {
    ...{ traceId, rootServiceName, rootTraceName },
    ...{ startUnixNano: BigInt(start), durationNano: BigInt(length) },
    services: services.map(([service, spans, errors]) => ({ service, spans, errors })),
    spanSets: sets.map(([matched, attributes, spans]): SpanSet => {
      return { matched, attributes: fromFlat(attributes), spans: spans.map(receiveSpan) };
    }),
  };
}

function passSpan(span: FoundSpan): PassedSpan {
  const { spanId, name = null, startUnixNano, durationNano, attributes } = span;
  return [spanId, name, String(startUnixNano), String(durationNano), flatLabels(attributes)];
}

function receiveSpan([spanId, name, start, length, attributes]: PassedSpan): FoundSpan {
  return {
    ...{ spanId, name: name ?? undefined, startUnixNano: BigInt(start) },
    ...{ durationNano: BigInt(length), attributes: fromFlat(attributes) },
  };
}

function passShown({ matched, rows, attributes }: ShownSet): PassedShown {
  return [matched, rows, flatLabels(attributes)];
}

function receiveShown([matched, rows, attributes]: PassedShown): ShownSet {
  return { matched, rows, attributes: fromFlat(attributes) };
}
