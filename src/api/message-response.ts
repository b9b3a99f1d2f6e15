/** Messages of Tempo's query API as bodies: JSON, protobuf when a client asks for it. */
import { type DescMessage, type MessageShape, toBinary, toJson } from "@bufbuild/protobuf";
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";
import type { SearchTagValuesV2Response } from "../proto-gen/tempopb/tempo_pb.ts";
import { type AnswerFormat, acceptedFormat, contentTypes } from "../query/answer-format.ts";
import type { ApiAnswer } from "./api-parts.ts";

/** The message, its JSON as objects, and the text, of which the next answer needs nothing. */
const GARBAGE_BYTES_A_BYTE = 16;
const garbage = new GarbageCount(64 * MiB);

/** `accept` is the header; empty when there is none. */
export function messageAnswer<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  accept: string,
): ApiAnswer {
  if (acceptedFormat(accept) !== "protobuf") {
    const body = utf8(JSON.stringify(toJson(schema, message)));
    garbage.note(body.length * GARBAGE_BYTES_A_BYTE);
    return answered("json", body);
  }
  return answered("protobuf", new Uint8Array(toBinary(schema, message)));
}

/** For language models: values by their type, numbers as numbers; undefined unless asked for. */
export function modelsAnswer(
  { tagValues, metrics }: SearchTagValuesV2Response,
  accept: string,
): ApiAnswer | undefined {
  if (acceptedFormat(accept) !== "llm") return undefined;
  const byType = Map.groupBy(tagValues, ({ type }) => type);
  const values = [...byType].map(([type, list]) => [type, list.map(({ value }) => value)]);
  const counts = Object.entries(metrics ?? {}).filter(([, count]) => Number(count) > 0);
  const body = {
    tagValues: Object.fromEntries(values),
    ...(counts.length > 0 && {
      metrics: Object.fromEntries(counts.map(([name, count]) => [name, Number(count)])),
    }),
  };
  return answered("llm", utf8(JSON.stringify(body)));
}

function answered(format: AnswerFormat, body: Uint8Array<ArrayBuffer>): ApiAnswer {
  return { status: 200, contentType: contentTypes[format], body: [body] };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
