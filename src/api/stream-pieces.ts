/**
 * Answers in pieces that make packets: bytes of messages with one thing each, which behind each
 * other are one message with all of them. That is how protobuf defines it, and so nothing is
 * encoded twice.
 */
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  type QueryInstantResponse,
  QueryInstantResponseSchema,
  type QueryRangeResponse,
  QueryRangeResponseSchema,
  type SearchResponse,
  SearchResponseSchema,
  type SearchTagsResponse,
  SearchTagsResponseSchema,
  type SearchTagsV2Response,
  SearchTagsV2ResponseSchema,
  type SearchTagsV2Scope,
  type SearchTagValuesResponse,
  SearchTagValuesResponseSchema,
  type SearchTagValuesV2Response,
  SearchTagValuesV2ResponseSchema,
  type TimeSeries,
} from "../proto-gen/tempopb/tempo_pb.ts";

type Bytes = Uint8Array;

export interface AnswerPieces {
  readonly items: readonly Bytes[];
  /** What every packet has: what it took. */
  readonly tail: Bytes;
  /** What the last packet has besides. */
  readonly end: Bytes;
}

const NOTHING = new Uint8Array(0);

/** `things` are of one message, and `one` makes it of one of them. */
function encodeEach<Desc extends DescMessage, Thing>(
  schema: Desc,
  things: readonly Thing[],
  one: (thing: Thing) => MessageShape<Desc>,
): Bytes[] {
  return things.map((thing) => toBinary(schema, one(thing)));
}

export function searchPieces(answer: SearchResponse): AnswerPieces {
  const { $typeName, traces, metrics } = answer;
  const schema = SearchResponseSchema;
  return {
    items: encodeEach(schema, traces, (trace) => ({ $typeName, traces: [trace] })),
    tail: toBinary(schema, { $typeName, traces: [], metrics }),
    end: NOTHING,
  };
}

export function tagsPieces(answer: SearchTagsResponse): AnswerPieces {
  const { $typeName, tagNames, metrics } = answer;
  const schema = SearchTagsResponseSchema;
  return {
    items: encodeEach(schema, tagNames, (name) => ({ $typeName, tagNames: [name] })),
    tail: toBinary(schema, { $typeName, tagNames: [], metrics }),
    end: NOTHING,
  };
}

/** Scopes whose names are too many come several times. */
export function tagsV2Pieces(answer: SearchTagsV2Response, bytesMax: number): AnswerPieces {
  const { $typeName, scopes, metrics } = answer;
  const schema = SearchTagsV2ResponseSchema;
  const encode = (scope: SearchTagsV2Scope): Bytes[] => {
    const bytes = toBinary(schema, { $typeName, scopes: [scope] });
    const { tags } = scope;
    if (bytes.length <= bytesMax || tags.length < 2) return [bytes];
    const half = tags.length >> 1;
    const halves = [tags.slice(0, half), tags.slice(half)];
    return halves.flatMap((some) => encode({ ...scope, tags: some }));
  };
  return {
    items: scopes.flatMap(encode),
    tail: toBinary(schema, { $typeName, scopes: [], metrics }),
    end: NOTHING,
  };
}

export function tagValuesPieces(answer: SearchTagValuesResponse): AnswerPieces {
  const { $typeName, tagValues, metrics } = answer;
  const schema = SearchTagValuesResponseSchema;
  return {
    items: encodeEach(schema, tagValues, (value) => ({ $typeName, tagValues: [value] })),
    tail: toBinary(schema, { $typeName, tagValues: [], metrics }),
    end: NOTHING,
  };
}

export function tagValuesV2Pieces(answer: SearchTagValuesV2Response): AnswerPieces {
  const { $typeName, tagValues, metrics } = answer;
  const schema = SearchTagValuesV2ResponseSchema;
  return {
    items: encodeEach(schema, tagValues, (value) => ({ $typeName, tagValues: [value] })),
    tail: toBinary(schema, { $typeName, tagValues: [], metrics }),
    end: NOTHING,
  };
}

/** Series that are too long come several times, with other samples each time. */
export function rangePieces(answer: QueryRangeResponse, bytesMax: number): AnswerPieces {
  const { $typeName, series, metrics, status, message } = answer;
  const schema = QueryRangeResponseSchema;
  const empty = { $typeName, series: [], status: 0, message: "" } as const;
  const encode = (one: TimeSeries): Bytes[] => {
    const bytes = toBinary(schema, { ...empty, series: [one] });
    const { samples, exemplars } = one;
    if (bytes.length <= bytesMax || samples.length + exemplars.length < 2) return [bytes];
    const [half, middle] = [samples.length >> 1, exemplars.length >> 1];
    const first = { samples: samples.slice(0, half), exemplars: exemplars.slice(0, middle) };
    const second = { samples: samples.slice(half), exemplars: exemplars.slice(middle) };
    return [first, second].flatMap((some) => encode({ ...one, ...some }));
  };
  return {
    items: series.flatMap(encode),
    tail: toBinary(schema, { ...empty, series: [], metrics }),
    end: toBinary(schema, { ...empty, series: [], status, message }),
  };
}

export function instantPieces(answer: QueryInstantResponse): AnswerPieces {
  const { $typeName, series, metrics, status, message } = answer;
  const schema = QueryInstantResponseSchema;
  const empty = { $typeName, status: 0, message: "" } as const;
  return {
    items: encodeEach(schema, series, (one) => ({ ...empty, series: [one] })),
    tail: toBinary(schema, { ...empty, series: [], metrics }),
    end: toBinary(schema, { ...empty, series: [], status, message }),
  };
}

/** Packets of at most so many bytes; what is larger alone is alone. There is always one. */
export function* packets(
  { items, tail, end }: AnswerPieces,
  bytesMax: number,
): Generator<readonly Bytes[]> {
  const room = bytesMax - tail.length - end.length;
  let packet: Bytes[] = [];
  let bytes = 0;
  for (const item of items) {
    if (packet.length > 0 && bytes + item.length > room) {
      yield [...packet, tail];
      [packet, bytes] = [[], 0];
    }
    packet.push(item);
    bytes += item.length;
  }
  yield [...packet, tail, end];
}
