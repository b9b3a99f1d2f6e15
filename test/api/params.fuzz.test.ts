/** Whatever the parameters are: a question within its limits, or a refusal that says why. */
import { describe, expect, test } from "vitest";
import { parseLogfmt } from "../../src/api/logfmt.ts";
import { parseInstantParams, parseMetricsParams } from "../../src/api/metrics-params.ts";
import { instantQuestion, metricsQuestion } from "../../src/api/metrics-question.ts";
import { parseSearchParams } from "../../src/api/search-params.ts";
import { searchQuestion } from "../../src/api/search-question.ts";
import { tagNamesPlan } from "../../src/api/tag-names-question.ts";
import { parseTagNamesParams, parseTagValuesParams } from "../../src/api/tag-params.ts";
import { tagValuesPlan } from "../../src/api/tag-values-question.ts";
import { EngineError } from "../../src/base/error.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import type { Question } from "../../src/query/question.ts";
import { check } from "../../src/traceql/check.ts";
import { limits, NOW_MS } from "./start-api.ts";

const NOW = BigInt(NOW_MS) * 1_000_000n;
const context = { tenants: ["t"], limits: { ...limits, endCutoffMs: 1000 }, nowNano: NOW };

const NAMES = [
  ...["q", "query", "tags", "minDuration", "maxDuration", "limit", "spss", "start", "end", "since"],
  ...["step", "exemplars", "maxSeries", "scope", "maxStaleValues", "service.name", "", "__proto__"],
];
const TEXTS = [
  ...["", "0", "1", "5", "-1", "20", "1000", "4294967295", "4294967296", "1700000000", "1e9"],
  ...["1700000000.25", "1700000000000000000", "9223372036854775807", "2023-11-14T22:13:20Z"],
  ...["1h", "1d", "0s", "-5m", "1.5ms", "15s", "60", "0.000000001", "292y", "x", "NaN", "Inf"],
  ...["{}", "{ .a = 1 }", "{} | rate()", "{} | rate() with(exemplars=3)", "{ .a = ", "{ 1 }"],
  ...["({} | rate()) / ({} | rate())", "{} | compare({ .a })", "{ name } | count() > 2"],
  ...["a=b", 'a="b c" d', "a=b a=c", "name=x status.code=ok", 'k="\\', "span", "intrinsic", "none"],
];
const PIECES = [
  "{",
  "}",
  "=",
  '"',
  "\\",
  " ",
  "-",
  ".",
  "0",
  "9",
  "h",
  "|",
  "é",
  "\u0000",
  "\ud800",
];
const TAGS = ["name", ".a", "span.b/c", "status", "error", "parent.a", "{", "", "a b", "__proto__"];

function text(random: Prng): string {
  let value = TEXTS[random.below(TEXTS.length)];
  for (let changes = random.below(4) - 1; changes > 0; changes--) {
    const at = random.below(value.length + 1);
    const piece = PIECES[random.below(PIECES.length)];
    value = value.slice(0, at) + piece + value.slice(at + random.below(2));
  }
  return value;
}

function parameters(random: Prng): URLSearchParams {
  const params = new URLSearchParams();
  for (let pairs = random.below(6); pairs > 0; pairs--) {
    params.append(NAMES[random.below(NAMES.length)], text(random));
  }
  return params;
}

type Maker = (params: URLSearchParams, random: Prng) => Question | undefined;

const version = (random: Prng) => (random.below(2) === 0 ? 1 : 2);
const makers: readonly (readonly [string, Maker])[] = [
  ["search", (params) => searchQuestion(parseSearchParams(params, NOW), context)],
  ["range", (params) => metricsQuestion(parseMetricsParams(params, NOW), context)],
  ["instant", (params) => instantQuestion(parseInstantParams(params, NOW), context)],
  [
    "names",
    (params, random) => {
      const asked = { version: version(random), ...parseTagNamesParams(params, NOW) } as const;
      return tagNamesPlan(asked, context).question;
    },
  ],
  [
    "values",
    (params, random) => {
      const name = random.below(2) === 0 ? text(random) : TAGS[random.below(TAGS.length)];
      const asked = { version: version(random), name, ...parseTagValuesParams(params, NOW) };
      return tagValuesPlan(asked as Parameters<typeof tagValuesPlan>[0], context).question;
    },
  ],
];

function checkQuestion(question: Question): void {
  const { startNano = 0n, endNano = 0n } = question;
  for (const nano of [startNano, endNano]) expect(BigInt.asIntN(64, nano)).toBe(nano);
  if (question.type === "tagNames") return;
  if (question.type === "tagValues") {
    expect(question.field.node).toMatch(/^(attribute|intrinsic)$/);
    return;
  }
  check(question.query);
  if (question.type === "search") {
    expect(question.limit).toBeGreaterThan(0);
    expect(question.limit).toBeLessThanOrEqual(limits.searchTracesMax);
    expect(question.spansPerSpanSet).toBeGreaterThan(0);
    expect(question.spansPerSpanSet).toBeLessThanOrEqual(limits.searchSpansMax);
    return;
  }
  expect(startNano).toBeGreaterThanOrEqual(0n);
  expect(endNano).toBeGreaterThan(startNano);
  expect(question.exemplars).toBeLessThanOrEqual(limits.exemplarsMax);
  if (question.stepNano === undefined) return;
  const slots = (endNano - startNano) / question.stepNano;
  expect(startNano % question.stepNano).toBe(0n);
  // One before the range, and the parts of one at both of its ends.
  expect(slots).toBeLessThanOrEqual(BigInt(limits.metricsStepsMax) + 3n);
}

describe.each(makers)("%s", (_, make) => {
  test.each([1, 2, 3])("seed %i", (seed) => {
    const random = prng(seed);
    let questions = 0;
    for (let i = 0; i < 4000; i++) {
      const params = parameters(random);
      try {
        const question = make(params, random);
        if (question === undefined) continue;
        checkQuestion(question);
        questions++;
      } catch (error) {
        if (error instanceof EngineError && error.code === "malformed") continue;
        throw new Error(`parameters ${params}`, { cause: error });
      }
    }
    expect(questions).toBeGreaterThan(20);
  });
});

test("any text is logfmt or refused (seed 9)", () => {
  const random = prng(9);
  let pairs = 0;
  for (let i = 0; i < 20_000; i++) {
    const length = random.below(20);
    const alphabet = 'ab= "\\u0041é\n\t';
    const line = Array.from({ length }, () => alphabet[random.below(alphabet.length)]).join("");
    try {
      pairs += parseLogfmt(line).size;
    } catch (error) {
      expect(error).toMatchObject({ code: "malformed" });
    }
  }
  expect(pairs).toBeGreaterThan(5000);
});
