/** The methods of `tempopb.StreamingQuerier`: Tempo's queries over gRPC. */
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { GrpcCall, GrpcMethod, GrpcMethods } from "../grpc/grpc-method.ts";
import { GrpcError } from "../grpc/grpc-status.ts";
import { parseReadTenants, TENANT_HEADER } from "../model/tenant.ts";
import {
  QueryInstantRequestSchema,
  QueryRangeRequestSchema,
  SearchRequestSchema,
  SearchTagsRequestSchema,
  SearchTagValuesRequestSchema,
} from "../proto-gen/tempopb/tempo_pb.ts";
import type {
  MetricsQuestion,
  Question,
  SearchQuestion,
  TagNamesAnswer,
  TagNamesQuestion,
  TagValuesAnswer,
  TagValuesQuestion,
} from "../query/question.ts";
import {
  queryInstantResponse,
  queryRangeResponse,
  searchResponse,
  type TagsShown,
  tagsResponse,
  tagsV2Response,
  tagValuesResponse,
  tagValuesV2Response,
} from "./answer-message.ts";
import type { ApiOptions, ApiParts } from "./api-parts.ts";
import { NO_COST } from "./api-query.ts";
import { instantQuestion, metricsQuestion } from "./metrics-question.ts";
import type { QuestionContext } from "./query-limits.ts";
import { searchQuestion } from "./search-question.ts";
import { type StreamPlan, type StreamTools, streamAnswer } from "./stream-answer.ts";
import { metricsDiff, searchDiff, tagNamesDiff, tagValuesDiff } from "./stream-diff.ts";
import {
  type AnswerPieces,
  instantPieces,
  rangePieces,
  searchPieces,
  tagsPieces,
  tagsV2Pieces,
  tagValuesPieces,
  tagValuesV2Pieces,
} from "./stream-pieces.ts";
import { instantAsk, rangeAsk, searchAsk, tagNamesAsk, tagValuesAsk } from "./stream-question.ts";
import { tagNamesPlan } from "./tag-names-question.ts";
import { tagValuesPlan } from "./tag-values-question.ts";

export const STREAMING_SERVICE = "tempopb.StreamingQuerier";

export interface StreamParts
  extends Pick<ApiParts, "asker" | "clock">,
    Pick<StreamTools, "answers"> {
  readonly packetBytesMax: number;
}

/** One request on its way to its plan. */
interface Planning {
  readonly context: QuestionContext;
  readonly packetBytesMax: number;
}

export function streamMethods(options: ApiOptions, parts: StreamParts): GrpcMethods {
  const { asker, clock, answers, packetBytesMax } = parts;
  const tools = { asker, answers, packetBytesMax, queryTimeoutMs: options.queryTimeoutMs };
  const method =
    <Desc extends DescMessage, Q extends Question>(
      schema: Desc,
      plan: (request: MessageShape<Desc>, planning: Planning) => StreamPlan<Q>,
    ): GrpcMethod =>
    async (call) => {
      const context = contextOf(call, options, clock);
      const request = decoded(schema, call.message);
      await streamAnswer(plan(request, { context, packetBytesMax }), call, tools);
    };
  const methods: Readonly<Record<string, GrpcMethod>> = {
    Search: method(SearchRequestSchema, searchPlan),
    SearchTags: method(SearchTagsRequestSchema, (request, planning) =>
      namesPlan(1, { ask: tagNamesAsk(1, request), planning }),
    ),
    SearchTagsV2: method(SearchTagsRequestSchema, (request, planning) =>
      namesPlan(2, { ask: tagNamesAsk(2, request), planning }),
    ),
    SearchTagValues: method(SearchTagValuesRequestSchema, (request, planning) =>
      valuesPlan(1, { ask: tagValuesAsk(1, request), planning }),
    ),
    SearchTagValuesV2: method(SearchTagValuesRequestSchema, (request, planning) =>
      valuesPlan(2, { ask: tagValuesAsk(2, request), planning }),
    ),
    MetricsQueryRange: method(QueryRangeRequestSchema, (request, planning) => {
      const { context } = planning;
      return rangePlan(
        request.instant === true
          ? instantQuestion(instantAsk(request), context)
          : metricsQuestion(rangeAsk(request), context),
        planning,
      );
    }),
    MetricsQueryInstant: method(QueryInstantRequestSchema, (request, { context }) =>
      instantPlan(instantQuestion(instantAsk(request), context)),
    ),
  };
  return new Map(
    Object.entries(methods).map(([name, one]) => [`/${STREAMING_SERVICE}/${name}`, one]),
  );
}

/** Throws `no_tenant` or `malformed`; several tenants in several headers are nobody's in Tempo. */
function contextOf(call: GrpcCall, options: ApiOptions, clock: Clock): QuestionContext {
  const header = call.header(TENANT_HEADER) ?? null;
  if (options.multitenancyEnabled && header?.includes(",")) {
    throw new EngineError("no_tenant", "no org id");
  }
  const tenants = parseReadTenants(header, options.multitenancyEnabled);
  const nowNano = BigInt(Math.trunc(clock.nowMs())) * 1_000_000n;
  return { tenants, limits: options.query, nowNano };
}

/** In grpc-go's words. */
function decoded<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `grpc: failed to unmarshal the received message: ${reason}`;
    throw new GrpcError("internal", message);
  }
}

function searchPlan(
  request: MessageShape<typeof SearchRequestSchema>,
  { context }: Planning,
): StreamPlan<SearchQuestion> {
  const question = searchQuestion(searchAsk(request), context);
  const diff = searchDiff();
  return {
    question,
    diff: (soFar) => searchPieces(searchResponse(diff(soFar))),
    whole: (answer = { type: "search", traces: [], metrics: NO_COST }) =>
      searchPieces(searchResponse(answer)),
  };
}

/** Names that are no data come with the whole answer. */
const NO_INTRINSICS: TagsShown = { intrinsics: [], limit: 0 };

function namesPlan(
  version: 1 | 2,
  { ask, planning }: { ask: ReturnType<typeof tagNamesAsk>; planning: Planning },
): StreamPlan<TagNamesQuestion> {
  const { question, shown } = tagNamesPlan(ask, planning.context);
  const diff = tagNamesDiff(ask.limit);
  const pieces = (answer: TagNamesAnswer, show: TagsShown): AnswerPieces =>
    version === 1
      ? tagsPieces(tagsResponse(answer, show))
      : tagsV2Pieces(tagsV2Response(answer, show), itemBytesMax(planning));
  return {
    question,
    diff: (soFar) => pieces(diff(soFar), NO_INTRINSICS),
    whole: (answer = { type: "tagNames", scopes: [], metrics: NO_COST }) => pieces(answer, shown),
  };
}

function valuesPlan(
  version: 1 | 2,
  { ask, planning }: { ask: ReturnType<typeof tagValuesAsk>; planning: Planning },
): StreamPlan<TagValuesQuestion> {
  const { question, known } = tagValuesPlan(ask, planning.context);
  const diff = tagValuesDiff(ask.limit);
  const pieces = (answer: TagValuesAnswer): AnswerPieces =>
    version === 1
      ? tagValuesPieces(tagValuesResponse(answer))
      : tagValuesV2Pieces(tagValuesV2Response(answer));
  return {
    question,
    diff: (soFar) => pieces(diff(soFar)),
    whole: (answer = { type: "tagValues", values: [], metrics: NO_COST }) =>
      pieces({ ...answer, values: [...known, ...answer.values] }),
  };
}

function rangePlan(question: MetricsQuestion, planning: Planning): StreamPlan<MetricsQuestion> {
  const diff = metricsDiff(question.query);
  const bytesMax = itemBytesMax(planning);
  return {
    question,
    diff: (soFar) => rangePieces(queryRangeResponse(diff(soFar)), bytesMax),
    whole: (answer = NO_SERIES) => rangePieces(queryRangeResponse(answer), bytesMax),
  };
}

function instantPlan(question: MetricsQuestion): StreamPlan<MetricsQuestion> {
  const diff = metricsDiff(question.query);
  return {
    question,
    diff: (soFar) => instantPieces(queryInstantResponse(diff(soFar))),
    whole: (answer = NO_SERIES) => instantPieces(queryInstantResponse(answer)),
  };
}

const NO_SERIES = { type: "metrics", series: [], partial: undefined, metrics: NO_COST } as const;

/** Room for what every packet has, whatever is counted in it. */
const TAIL_BYTES_MAX = 1024;

function itemBytesMax({ packetBytesMax }: Planning): number {
  return packetBytesMax - TAIL_BYTES_MAX;
}
