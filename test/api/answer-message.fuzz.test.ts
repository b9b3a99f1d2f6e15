/** Whatever the answer is: JSON that a strict decoder reads, and protobuf that says the same. */
import {
  type DescMessage,
  fromBinary,
  fromJson,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import * as messages from "../../src/api/answer-message.ts";
import { rangeAnswer } from "../../src/api/range-answer.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import * as schemas from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { metricsAnswer, searchAnswer, tagNamesAnswer, tagValuesAnswer } from "./random-answer.ts";

function bothWays<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void {
  const bytes = toBinary(schema, message);
  const text = JSON.stringify(toJson(schema, message));
  const read = fromJson(schema, JSON.parse(text), { ignoreUnknownFields: false });
  // JSON has no negative zero.
  const same = JSON.stringify(toJson(schema, fromBinary(schema, bytes)));
  expect(JSON.parse(same)).toEqual(toJson(schema, read));
  // Zeros are left out, but not those that are the value of an attribute.
  expect(text).not.toMatch(/:(null|0|""|\[\])[,}](?<!Value":(0|""|\[\])[,}])/);
}

const shown = { intrinsics: ["name"], limit: 0 };
const kinds: readonly (readonly [string, (random: Prng) => void])[] = [
  [
    "search",
    (random) =>
      bothWays(schemas.SearchResponseSchema, messages.searchResponse(searchAnswer(random))),
  ],
  [
    "names",
    (random) => {
      const answer = tagNamesAnswer(random);
      bothWays(schemas.SearchTagsResponseSchema, messages.tagsResponse(answer, shown));
      bothWays(schemas.SearchTagsV2ResponseSchema, messages.tagsV2Response(answer, shown));
    },
  ],
  [
    "values",
    (random) => {
      const answer = tagValuesAnswer(random);
      bothWays(schemas.SearchTagValuesResponseSchema, messages.tagValuesResponse(answer));
      bothWays(schemas.SearchTagValuesV2ResponseSchema, messages.tagValuesV2Response(answer));
    },
  ],
  [
    "metrics",
    (random) => {
      const answer = metricsAnswer(random);
      const range = messages.queryRangeResponse(answer);
      bothWays(schemas.QueryRangeResponseSchema, range);
      const whole = JSON.stringify(toJson(schemas.QueryRangeResponseSchema, range));
      expect(Buffer.concat(rangeAnswer(answer).body).toString()).toBe(whole);
      bothWays(schemas.QueryInstantResponseSchema, messages.queryInstantResponse(answer));
    },
  ],
];

describe.each(kinds)("%s", (_, check) => {
  test.each([1, 2])("seed %i", (seed) => {
    const random = prng(seed);
    for (let i = 0; i < 500; i++) check(random);
  });
});
