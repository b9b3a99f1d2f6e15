import { describe, expect, test } from "vitest";
import { parseLogfmt } from "../../src/api/logfmt.ts";
import { parseSearchParams } from "../../src/api/search-params.ts";
import { type SearchAsk, searchQuestion } from "../../src/api/search-question.ts";
import { print } from "../../src/traceql/print.ts";
import { limits, NOW_MS } from "./start-api.ts";

const NOW = BigInt(NOW_MS) * 1_000_000n;
const SECOND = 1_000_000_000n;

const parse = (query: string): SearchAsk => parseSearchParams(new URLSearchParams(query), NOW);
const question = (query: string, changed: Partial<typeof limits> = {}) =>
  searchQuestion(parse(query), {
    tenants: ["t"],
    limits: { ...limits, ...changed },
    nowNano: NOW,
  });

const open = { startNano: undefined, endNano: undefined };
const nothing: SearchAsk = {
  query: "",
  tags: new Map(),
  minDurationNano: undefined,
  maxDurationNano: undefined,
  range: open,
  limit: 0,
  spansPerSpanSet: 0,
};

describe("accepted", () => {
  const range = (start: bigint, end: bigint) => ({ range: { startNano: start, endNano: end } });
  const cases: readonly (readonly [string, Partial<SearchAsk>])[] = [
    ["", {}],
    ["q=&tags=&limit=&spss=&start=&end=&since=&minDuration=&maxDuration=", {}],
    ["q=%7B+.a+%7D", { query: "{ .a }" }],
    ["q={}&q={.b}", { query: "{}" }],
    ["limit=5&spss=7", { limit: 5, spansPerSpanSet: 7 }],
    ["spss=0", {}],
    ["start=5&end=9", range(5n * SECOND, 9n * SECOND)],
    ["start=0&end=0", {}],
    ["start=0&end=9", range(0n, 9n * SECOND)],
    ["since=1h", range(NOW - 3600n * SECOND, NOW)],
    ["since=1d&start=5&end=9", range(NOW - 86400n * SECOND, NOW)],
    ["since=0", range(NOW, NOW)],
    ["minDuration=1.5ms", { minDurationNano: 1_500_000n }],
    ["minDuration=0&maxDuration=0s", {}],
    ["minDuration=1s&maxDuration=1s", { minDurationNano: SECOND, maxDurationNano: SECOND }],
    ["maxDuration=-1s", { maxDurationNano: -SECOND }],
    ["tags=a%3Db", { tags: new Map([["a", "b"]]) }],
    [
      "tags=a%3Db&start=1&end=2&c=d",
      { tags: new Map([["a", "b"]]), ...range(SECOND, 2n * SECOND) },
    ],
    [
      "service.name=shop&limit=3&x=&x=y&b=1&b=2&since=&minDuration=1s",
      {
        tags: new Map([
          ["service.name", "shop"],
          ["x", "y"],
          ["b", "1"],
        ]),
        limit: 3,
        minDurationNano: SECOND,
      },
    ],
    ["a=b&start=1&end=2", range(SECOND, 2n * SECOND)],
    ["a=b&q={}", { query: "{}" }],
    ["skip_ast_transformations=all", {}],
  ];
  test.each(cases)("%s", (query, ask) => expect(parse(query)).toEqual({ ...nothing, ...ask }));
});

describe("refused in Tempo's words", () => {
  const invalid = (name: string, text: string) =>
    `invalid ${name}: strconv.ParseUint: parsing "${text}"`;
  const cases: readonly (readonly [string, string])[] = [
    ["start=x", `${invalid("start", "x")}: invalid syntax`],
    ["end=1.5", `${invalid("end", "1.5")}: invalid syntax`],
    ["start=-1", `${invalid("start", "-1")}: invalid syntax`],
    ["start=%2B1", `${invalid("start", "+1")}: invalid syntax`],
    ["end=4294967296", `${invalid("end", "4294967296")}: value out of range`],
    ["limit=x", `${invalid("limit", "x")}: invalid syntax`],
    ["limit=0", "invalid limit: must be a positive number"],
    ["limit=1001", "limit 1001 exceeds max limit 1000"],
    ["spss=x", `${invalid("spss", "x")}: invalid syntax`],
    ["spss=101", "spans per span set exceeds 100. received 101"],
    ["start=2&end=1", "http parameter start must be before end. received start=2 end=1"],
    ["start=2&end=2", "http parameter start must be before end. received start=2 end=2"],
    ["start=2", "http parameter start must be before end. received start=2 end=0"],
    [
      "end=2",
      "error parsing date range: only one of start and end provided: must provide both or neither",
    ],
    [
      "since=x",
      "error parsing date range: could not parse 'since' parameter: " +
        'not a valid duration string: "x"',
    ],
    ["q={}&tags=a%3Db", "invalid request: can't specify tags and q in the same query"],
    ["tags=a%3Db+a%3Dc", "invalid tags: tag a has been set twice"],
    ["tags=%3Db", "invalid tags: unexpected '=' at pos 1"],
    ["minDuration=x", 'invalid minDuration: time: invalid duration "x"'],
    ["minDuration=5", 'invalid minDuration: time: missing unit in duration "5"'],
    ["maxDuration=5q", 'invalid maxDuration: time: invalid duration "5q"'],
    ["minDuration=2s&maxDuration=1s", "invalid maxDuration: must be greater than minDuration"],
    [
      "q=%7B",
      "invalid TraceQL query: parse error at line 1, col 2: syntax error: unexpected end of query",
    ],
    ["q=({}|rate())/({}|rate())", "invalid TraceQL query: math expressions not supported"],
    [
      `q=${"a".repeat(128 * 1024 + 1)}`,
      "TraceQL expression exceeds the configured maximum size of 131072 bytes, " +
        "reduce the query expression size or contact your system administrator",
    ],
    [`tags=service.name%3D${"a".repeat(5000)}`, "invalid regex: over 4096 characters"],
    [
      `tags=${Array.from({ length: 65 }, (_, i) => `k${i}`).join("+")}`,
      "invalid tags: 65 tags exceed 64",
    ],
  ];
  test.each(cases)("%s", (query, message) => {
    expect(() => question(query)).toThrow(message);
    try {
      question(query);
    } catch (error) {
      expect(error).toMatchObject({ code: "malformed", message });
    }
  });
});

describe("the question", () => {
  test("of a query", () => {
    const { query, ...rest } = question("q={.a=1}|rate()&start=5&end=9&limit=7&spss=2");
    expect(print(query)).toBe("{ .a = 1 } | rate()");
    expect(rest).toEqual({
      type: "search",
      tenants: ["t"],
      startNano: 5n * SECOND,
      endNano: 9n * SECOND,
      limit: 7,
      spansPerSpanSet: 2,
      minDurationNano: undefined,
      maxDurationNano: undefined,
      withoutSpanSets: false,
    });
  });

  test("has the defaults of the configuration", () => {
    const asked = question("q={}", { searchTracesDefault: 50, searchSpansDefault: 4 });
    expect(asked).toMatchObject({ limit: 50, spansPerSpanSet: 4, ...open });
  });

  test("may ask for any number without limits", () => {
    const none = { searchTracesMax: 0, searchSpansMax: 0, queryBytesMax: 0 };
    const asked = question("q={}&limit=4294967295&spss=5000", none);
    expect(asked).toMatchObject({ limit: 4294967295, spansPerSpanSet: 5000 });
  });

  test("is bounded in time where that is configured", () => {
    const week = { searchRangeMsMax: 168 * 3_600_000 };
    expect(() => question("q={}&start=1&end=604802", week)).toThrow(
      "range specified by start and end exceeds 168h0m0s. received start=1 end=604802",
    );
    expect(question("q={}&start=1&end=604801", week).endNano).toBe(604801n * SECOND);
    expect(question("q={}", week)).toMatchObject(open);
  });

  test("leaves out what is too young where that is configured", () => {
    const young = { endCutoffMs: 30_000 };
    const cutoff = NOW - 30n * SECOND;
    expect(question("q={}", young)).toMatchObject({ startNano: undefined, endNano: cutoff });
    expect(question("q={}&start=1&end=4000000000", young).endNano).toBe(cutoff);
    expect(question("q={}&start=1&end=2", young).endNano).toBe(2n * SECOND);
  });
});

describe("a search by tags", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "{ true }"],
    ["tags=service.name%3Dpay.ment", '{ resource.service.name =~ ".*pay\\\\.ment.*" }'],
    ["tags=name%3DGET", '{ name =~ ".*GET.*" }'],
    [
      "tags=root.name%3Da+root.service.name%3Db",
      '{ rootName =~ ".*a.*" } && { rootServiceName =~ ".*b.*" }',
    ],
    ["tags=status.code%3Derror", "{ status = error }"],
    ["tags=status.code%3Dbad", "{ false }"],
    ["tags=k%3Dv", '{ (resource.k = "v") || (span.k = "v") }'],
    ["tags=k", '{ (resource.k = "") || (span.k = "") }'],
    [
      "tags=k%3D-5",
      '{ (resource.k = "-5") || (resource.k = (-5)) || (span.k = "-5") || (span.k = (-5)) }',
    ],
    [
      "tags=k%3D0.5",
      '{ (resource.k = "0.5") || (resource.k = 0.5) || (span.k = "0.5") || (span.k = 0.5) }',
    ],
    [
      "tags=k%3Dtrue",
      '{ (resource.k = "true") || (resource.k = true) || (span.k = "true") || (span.k = true) }',
    ],
    [
      "tags=http.url%3D/api",
      '{ (resource.http.url =~ ".*/api.*") || (span.http.url =~ ".*/api.*") }',
    ],
    ["toString=x", '{ (resource.toString = "x") || (span.toString = "x") }'],
  ];
  test.each(cases)("%s", (query, text) => {
    const asked = question(query);
    expect(print(asked.query)).toBe(text);
    expect(asked.withoutSpanSets).toBe(true);
  });
});

describe("logfmt", () => {
  const cases: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    ["", []],
    [" \t ", []],
    ["a=b", [["a", "b"]]],
    ["a", [["a", ""]]],
    [
      "a= b=",
      [
        ["a", ""],
        ["b", ""],
      ],
    ],
    [
      'a="b c"d=e',
      [
        ["a", "b c"],
        ["d", "e"],
      ],
    ],
    ['a=""', [["a", ""]]],
    ['a="x\\"y\\\\z\\n\\u00e9"', [["a", 'x"y\\z\né']]],
    ['a="tab\there"', [["a", "tab\there"]]],
    [
      "ключ=значение\nb=2",
      [
        ["ключ", "значение"],
        ["b", "2"],
      ],
    ],
  ];
  test.each(cases)("%j", (text, pairs) => expect([...parseLogfmt(text)]).toEqual(pairs));

  const wrong: readonly (readonly [string, string])[] = [
    ["a=b=c", "unexpected '=' at pos 4"],
    ['a"b', "unexpected '\"' at pos 2"],
    ['é="x', "unterminated quoted value at pos 6"],
    ['a="\\q"', "invalid quoted value at pos 7"],
    ['a=b"', "unexpected '\"' at pos 4"],
    ["a=1\n=2", "unexpected '=' at pos 1"],
    ["a a", "tag a has been set twice"],
  ];
  test.each(wrong)("%j is refused", (text, message) => {
    expect(() => parseLogfmt(text)).toThrow(`invalid tags: ${message}`);
  });
});
