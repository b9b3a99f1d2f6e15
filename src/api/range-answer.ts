/**
 * Metrics over time as JSON, series by series: as one message, and that as objects and as a text,
 * an answer of 20 MB took ten times that.
 */
import { toJson } from "@bufbuild/protobuf";
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import { QueryRangeResponseSchema, TimeSeriesSchema } from "../proto-gen/tempopb/tempo_pb.ts";
import { contentTypes } from "../query/answer-format.ts";
import type { MetricsAnswer } from "../query/question.ts";
import { queryRangeResponse, timeSeries } from "./answer-message.ts";
import type { ApiAnswer } from "./api-parts.ts";

/** Of a series its message, objects and text. */
const GARBAGE_BYTES_A_BYTE = 8;
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
    text += JSON.stringify(toJson(TimeSeriesSchema, timeSeries(series)));
    if (text.length >= PIECE_CHARS) put();
  }
  // What it took is always told, behind the series.
  if (answer.series.length > 0) text += "],";
  text += rest.slice(1);
  put();
  return { status: 200, contentType: contentTypes.json, body };
}
