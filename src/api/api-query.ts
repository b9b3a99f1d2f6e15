/** The handlers of searches, lists of names and values, and metrics: Tempo's query paths. */
import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../base/deadline.ts";
import {
  QueryInstantResponseSchema,
  SearchResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
} from "../proto-gen/tempopb/tempo_pb.ts";
import type { AnswerMetrics, AnswerTo, Question } from "../query/question.ts";
import {
  queryInstantResponse,
  searchResponse,
  tagsResponse,
  tagsV2Response,
  tagValuesResponse,
  tagValuesV2Response,
} from "./answer-message.ts";
import type { ApiAnswer, ApiOptions, ApiParts } from "./api-parts.ts";
import { answerResponse } from "./api-response.ts";
import type { ApiCall, ApiHandler } from "./api-routes.ts";
import type { HeldAnswers } from "./api-stream.ts";
import { tenantsOf } from "./api-trace.ts";
import { messageAnswer, modelsAnswer } from "./message-response.ts";
import { parseInstantParams, parseMetricsParams } from "./metrics-params.ts";
import { instantQuestion, metricsQuestion } from "./metrics-question.ts";
import type { QuestionContext } from "./query-limits.ts";
import { rangeAnswer } from "./range-answer.ts";
import { parseSearchParams } from "./search-params.ts";
import { searchQuestion } from "./search-question.ts";
import { tagNamesPlan } from "./tag-names-question.ts";
import { parseTagNamesParams, parseTagValuesParams } from "./tag-params.ts";
import { tagValuesPlan } from "./tag-values-question.ts";

/** All handlers of one server share `answers`. */
export interface QueryParts extends Pick<ApiParts, "asker" | "clock"> {
  readonly answers: HeldAnswers;
}

/** One request on its way. */
interface QueryCall {
  readonly params: URLSearchParams;
  readonly segments: ApiCall["segments"];
  readonly context: QuestionContext;
  /** The Accept header; empty when there is none. */
  readonly accept: string;
  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>>;
}

/** What it took to answer without data. */
export const NO_COST: AnswerMetrics = {
  inspectedTraces: 0,
  inspectedSpans: 0,
  inspectedBytes: 0,
  totalBlocks: 0,
  totalBlockBytes: 0,
  totalJobs: 0,
  completedJobs: 0,
  damagedBlocks: [],
};

type Answering = (call: QueryCall) => Promise<ApiAnswer>;

/** By Tempo's pattern of their path. */
export function queryHandlers(
  options: ApiOptions,
  parts: QueryParts,
): readonly (readonly [pattern: string, handler: ApiHandler])[] {
  const handler = (answering: Answering) => queryHandler(answering, options, parts);
  return [
    ["/api/search", handler(search)],
    ["/api/search/tags", handler(tagNames(1))],
    ["/api/v2/search/tags", handler(tagNames(2))],
    ["/api/search/tag/{tagName...}/values", handler(tagValues(1))],
    ["/api/v2/search/tag/{tagName...}/values", handler(tagValues(2))],
    ["/api/metrics/query", handler(instantMetrics)],
    ["/api/metrics/query_range", handler(rangeMetrics)],
  ];
}

function queryHandler(answering: Answering, options: ApiOptions, parts: QueryParts): ApiHandler {
  return async (call) => {
    const { request, url, segments } = call;
    const tenants = tenantsOf(call, options);
    const deadline = {
      signal: request.signal,
      timeoutMs: options.queryTimeoutMs,
      message: "context deadline exceeded",
    };
    const answer = await answering({
      params: url.searchParams,
      segments,
      context: { tenants, limits: options.query, nowNano: nanos(parts.clock) },
      accept: request.headers.get("Accept") ?? "",
      ask: (question) => withDeadline(deadline, (signal) => parts.asker.ask(question, { signal })),
    });
    return answerResponse(answer, request, parts.answers);
  };
}

function nanos(clock: Clock): bigint {
  return BigInt(Math.trunc(clock.nowMs())) * 1_000_000n;
}

const search: Answering = async ({ params, context, accept, ask }) => {
  const question = searchQuestion(parseSearchParams(params, context.nowNano), context);
  return messageAnswer(SearchResponseSchema, searchResponse(await ask(question)), accept);
};

function tagNames(version: 1 | 2): Answering {
  return async ({ params, context, accept, ask }) => {
    const asked = { version, ...parseTagNamesParams(params, context.nowNano) };
    const { question, shown } = tagNamesPlan(asked, context);
    const answer =
      question === undefined
        ? ({ type: "tagNames", scopes: [], metrics: NO_COST } as const)
        : await ask(question);
    return version === 1
      ? messageAnswer(SearchTagsResponseSchema, tagsResponse(answer, shown), accept)
      : messageAnswer(SearchTagsV2ResponseSchema, tagsV2Response(answer, shown), accept);
  };
}

function tagValues(version: 1 | 2): Answering {
  return async ({ params, segments, context, accept, ask }) => {
    const name = segments.get("tagName") ?? "";
    const asked = { version, name, ...parseTagValuesParams(params, context.nowNano) };
    const { question, known } = tagValuesPlan(asked, context);
    const found = question && (await ask(question));
    const values = [...known, ...(found?.values ?? [])];
    const answer = { type: "tagValues", values, metrics: found?.metrics ?? NO_COST } as const;
    if (version === 1) {
      return messageAnswer(SearchTagValuesResponseSchema, tagValuesResponse(answer), accept);
    }
    const message = tagValuesV2Response(answer);
    const forModels = modelsAnswer(message, accept);
    return forModels ?? messageAnswer(SearchTagValuesV2ResponseSchema, message, accept);
  };
}

/** Tempo has no protobuf of metrics over HTTP. */
const JSON_ALONE = "";

const instantMetrics: Answering = async ({ params, context, ask }) => {
  const question = instantQuestion(parseInstantParams(params, context.nowNano), context);
  const message = queryInstantResponse(await ask(question));
  return messageAnswer(QueryInstantResponseSchema, message, JSON_ALONE);
};

const rangeMetrics: Answering = async ({ params, context, ask }) => {
  const question = metricsQuestion(parseMetricsParams(params, context.nowNano), context);
  return rangeAnswer(await ask(question));
};
