/**
 * Metrics over time as JSON, series by series, and the samples as texts at once: as messages, and
 * these as objects, they took a third of a question's time, and of an answer ten times its bytes.
 */
import { toJson } from "@bufbuild/protobuf";
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import { QueryRangeResponseSchema, TimeSeriesSchema } from "../proto-gen/tempopb/tempo_pb.ts";
import { contentTypes } from "../query/answer-format.ts";
import type { MetricsAnswer, Sample, Series } from "../query/question.ts";
import { queryRangeResponse, timeSeries } from "./answer-message.ts";
import type { ApiAnswer } from "./api-parts.ts";

/** Of a series its samples, and their texts. */
const GARBAGE_BYTES_A_BYTE = 4;
const garbage = new GarbageCount(32 * MiB);

/** Texts are put together up to this. */
const PIECE_CHARS = MiB;

/** As toJson() has the whole message. */
export function rangeAnswer(answer: MetricsAnswer): ApiAnswer {
  const encoder = new TextEncoder();
  const body: Uint8Array<ArrayBuffer>[] = [];
  const bare = queryRangeResponse({ ...answer, series: [] });
  const rest = JSON.stringify(toJson(QueryRangeResponseSchema, bare));
  let text = "{";
  const put = () => {
    body.push(encoder.encode(text));
    garbage.note(text.length * GARBAGE_BYTES_A_BYTE);
    text = "";
  };
  for (const [i, series] of answer.series.entries()) {
    text += i === 0 ? '"series":[' : ",";
    text += seriesText(series);
    if (text.length >= PIECE_CHARS) put();
  }
  // What it took is always told, behind the series.
  if (answer.series.length > 0) text += "],";
  text += rest.slice(1);
  put();
  return { status: 200, contentType: contentTypes.json, body };
}

function seriesText({ labels, samples, exemplars }: Series): string {
  const parts = [
    membersOf({ labels, samples: [], exemplars: [] }),
    samples.length === 0 ? "" : `"samples":[${samples.map(sampleText).join()}]`,
    membersOf({ labels: [], samples: [], exemplars }),
  ];
  return `{${parts.filter((part) => part !== "").join()}}`;
}

/** What stands between the braces. */
function membersOf(series: Series): string {
  return JSON.stringify(toJson(TimeSeriesSchema, timeSeries(series))).slice(1, -1);
}

/** What is zero is left out. */
function sampleText({ timestampMs, value }: Sample): string {
  const time = timestampMs === 0 ? "" : `"timestampMs":"${timestampMs}"`;
  if (value === 0) return `{${time}}`;
  const number = Number.isFinite(value) ? value : `"${value}"`;
  return `{"value":${number}${time === "" ? "" : ","}${time}}`;
}
