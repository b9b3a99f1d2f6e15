/** Requests of the streaming gRPC: random bytes, and messages with bytes changed or cut off. */
import { toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import {
  QueryRangeRequestSchema,
  SearchRequestSchema,
  SearchTagsRequestSchema,
  SearchTagValuesRequestSchema,
} from "../../src/proto-gen/tempopb/tempo_pb.ts";
import type { Answer, Question } from "../../src/query/question.ts";
import { StreamClient } from "../support/stream-client.ts";
import { metricsAnswer, searchAnswer, tagNamesAnswer, tagValuesAnswer } from "./random-answer.ts";
import { startStream } from "./start-stream.ts";

const CALLS = 1500;
const AT_ONCE = 8;
const TIMEOUT_MS = 120_000;

const range = { start: 1_600_000_000, end: 1_600_003_600 };
const nanos = { start: 1_600_000_000_000_000_000n, end: 1_600_003_600_000_000_000n };
const query = '{ span.a = "b" && duration > 5ms }';

/** One that is right for each method. */
const requests: readonly (readonly [method: string, bytes: Uint8Array])[] = [
  [
    "Search",
    toBinary(SearchRequestSchema, {
      $typeName: "tempopb.SearchRequest",
      ...{ Tags: { a: "b" }, MinDurationMs: 1, MaxDurationMs: 5, Limit: 7, Query: "" },
      ...{ SpansPerSpanSet: 3, skipASTTransformations: [], ...range },
    }),
  ],
  ...(["SearchTags", "SearchTagsV2"] as const).map((method) => {
    const request = { scope: "span", query, maxTagsPerScope: 5, staleValuesThreshold: 0 };
    const message = { $typeName: "tempopb.SearchTagsRequest", ...request, ...range } as const;
    return [method, toBinary(SearchTagsRequestSchema, message)] as const;
  }),
  ...(["SearchTagValues", "SearchTagValuesV2"] as const).map((method) => {
    const request = { tagName: "span.a", query, maxTagValues: 5, staleValueThreshold: 0 };
    const message = { $typeName: "tempopb.SearchTagValuesRequest", ...request, ...range } as const;
    return [method, toBinary(SearchTagValuesRequestSchema, message)] as const;
  }),
  ...(["MetricsQueryRange", "MetricsQueryInstant"] as const).map((method) => {
    const request = { query: "{} | rate() by (name)", step: 60_000_000_000n, queryMode: "" };
    const rest = { exemplars: 5, maxSeries: 9, skipASTTransformations: [], ...nanos };
    const message = { $typeName: "tempopb.QueryRangeRequest", ...request, ...rest } as const;
    return [method, toBinary(QueryRangeRequestSchema, message)] as const;
  }),
];

function mutated(random: Prng, bytes: Uint8Array): Buffer {
  const kind = random.below(4);
  if (kind === 0) return Buffer.from(random.bytes(random.below(60)));
  const out = Buffer.from(bytes);
  if (kind === 1) return out.subarray(0, random.below(out.length + 1));
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    out[random.below(out.length)] = random.below(256);
  }
  return kind === 2 ? out : Buffer.concat([out, out.subarray(random.below(out.length))]);
}

function answerTo({ type }: Question, random: Prng): Answer {
  if (type === "search") return searchAnswer(random);
  if (type === "tagNames") return tagNamesAnswer(random);
  return type === "tagValues" ? tagValuesAnswer(random) : metricsAnswer(random);
}

for (const seed of [1, 2]) {
  test(
    `${CALLS} requests, seed ${seed}`,
    async () => {
      const random = prng(seed);
      await using api = await startStream({
        answer: async (question) => answerTo(question, random),
      });
      using client = new StreamClient(api.url);
      const ended = new Map<number, number>();
      let calls = 0;
      const work = async () => {
        while (calls++ < CALLS) {
          const [method, bytes] = requests[random.below(requests.length)];
          const request = mutated(random, bytes);
          const got = await client.raw(`/tempopb.StreamingQuerier/${method}`, request);
          const what = `seed ${seed}: ${method} ${request.toString("hex")}: ${got.details}`;
          expect([0, 3, 13], what).toContain(got.code);
          // What is wrong is said, and is nobody's fault but the client's.
          if (got.code === 13) expect(got.details, what).toMatch(/^grpc: failed to unmarshal/);
          else if (got.code === 3) expect(got.details, what).not.toBe("");
          else expect(got.messages.length, what).toBeGreaterThan(0);
          ended.set(got.code, (ended.get(got.code) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      for (const code of [0, 3, 13]) expect(ended.get(code) ?? 0, `${code}`).toBeGreaterThan(20);
    },
    TIMEOUT_MS,
  );
}
