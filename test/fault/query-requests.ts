/**
 * Requests of the query API as nobody should send them: queries at random, mutated, of words in no
 * order, and of those made to hurt; parameters at random.
 */
import type { Prng } from "../../src/base/prng.ts";
import { print } from "../../src/traceql/print.ts";
import { randomMetricsBody, randomSearchQuery } from "../oracle/oracle-queries.ts";
import { BROKEN, GOOD, SENSELESS } from "../traceql/queries.ts";

export interface QueryRequest {
  /** Path and parameters, escaped. */
  readonly path: string;
  readonly accept: string;
  /** What the query is made of, or `none`. */
  readonly kind: string;
  /** The TraceQL in it; undefined: none, or not as it was made. */
  readonly query: string | undefined;
}

function pick<T>(random: Prng, from: readonly T[]): T {
  return from[random.below(from.length)];
}

// ---- queries

const SEEDS: readonly string[] = [
  ...GOOD,
  ...SENSELESS.map(([query]) => query),
  ...BROKEN.map(([query]) => query),
];
const PIECES = [
  ...["{", "}", "(", ")", "|", "&&", "||", "!", "-", ".k1", "span.k2", "resource.", "=", "=~"],
  ...[">>", "!<", "&~", "!~", '"', "`", "\\", "1", "1h", ".5", "1e999", "nil", "by(", "rate()"],
  ...[
    "with(",
    ",",
    "//",
    "/*",
    "*/",
    "\n",
    "é",
    "\u0000",
    "😀",
    "event:name",
    "link.k1",
    "parent.",
  ],
  ...["count()", "quantile_over_time(", "compare(", "topk(", "sort(", "select(", "coalesce()"],
  ...["nestedSetLeft", "true", "error", "server", "trace:id", "duration", "^", "%", "*", "/", " "],
  ...["9223372036854775807", "9223372036854775808", "0x1", "1_000", "'a'", ";", "$", "@"],
];
/** Of arithmetic and comparisons that a query can hold many of. */
const OPERATORS = ["||", "&&", "+", "-", "*", "/", "%", "^", "=", "!=", ">"];
const REGEXES = [
  ...["(a*)*b", "(x+x+)+y", "(.*a){50}", "(a|aa)+$", "(?:(?:x?){30}){30}", "(a|b|c){1000}", "["],
  ...[
    "[\\p{L}\\p{N}]{1000}",
    "\\pL{1000}",
    "(?i)ÿ.*",
    "(",
    "(?P<a>.)",
    "\\C",
    "(?<=a)b",
    "a{1001}",
  ],
];

export function mutatedQuery(random: Prng): string {
  let query = pick(random, SEEDS);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(query.length + 1);
    const cut = random.below(3) === 0 ? random.below(8) : 0;
    const piece = random.below(5) === 0 ? "" : pick(random, PIECES);
    query = query.slice(0, at) + piece + query.slice(at + cut);
  }
  return query;
}

function spacedPieces(random: Prng): string {
  const count = 1 + random.below(24);
  const words = Array.from({ length: count }, () => pick(random, PIECES));
  return words.join(random.below(2) === 0 ? " " : "");
}

/** Too deep, too long, too many, too large. */
export const HOSTILE: readonly ((random: Prng, size: number) => string)[] = [
  (_, size) => `${"(".repeat(size)}{ .k1 }${")".repeat(size)}`,
  (_, size) => `{ ${"(".repeat(size)}.k1${")".repeat(size)} }`,
  (_, size) => `{ ${"!".repeat(size)}(.k1 = 1) }`,
  (random, size) => {
    const operator = pick(random, OPERATORS);
    return `{ ${Array.from({ length: size }, (_, i) => `.k${i % 5}`).join(` ${operator} `)} }`;
  },
  (random, size) => {
    const operator = pick(random, ["||", "&&"]);
    const parts = Array.from({ length: size }, (_, i) => `span.k1 != ${i}`);
    return `{ ${parts.join(` ${operator} `)} }`;
  },
  (random, size) => {
    const operator = pick(random, ["||", "&&", ">>", ">", "~", "&<<"]);
    return Array.from({ length: size % 400 }, () => "{ }").join(` ${operator} `);
  },
  (_, size) => Array.from({ length: size }, () => "{ }").join(" | "),
  (_, size) => `{ } | select(${Array.from({ length: size }, (_, i) => `.k${i}`).join(", ")})`,
  (_, size) => `{ .k1 = ${"9".repeat(size * 10)} }`,
  (_, size) => `{ .k1 = 0.${"9".repeat(size * 10)}e${"9".repeat(size % 50)} }`,
  (_, size) => `{ duration > ${"9h".repeat(size * 5)} }`,
  (_, size) => `{ .k1 = "${"\\\\".repeat(size * 5)}" }`,
  (_, size) => `{ .${"k".repeat(size * 20)} = 1 }`,
  (_, size) => `{ } ${"/*".repeat(size * 10)}`,
  (_, size) => `{ } ${"// \n".repeat(size * 5)}`,
  (_, size) => `${"\n".repeat(size * 10)}{ .k1 = }`,
  (random) => `{ .k1 =~ ${JSON.stringify(pick(random, REGEXES))} }`,
  (random, size) => {
    const pattern = Array.from({ length: size % 300 }, () => pick(random, REGEXES)).join("");
    return `{ name !~ \`${pattern}\` }`;
  },
  (_, size) => `{ .k1 =~ "${".{999}".repeat(size % 700)}" }`,
  (_, size) => `{ .k1 =~ "${"(".repeat(size)}a${")*".repeat(size)}" }`,
  (_, size) => `({ } | rate())${" + ({ } | rate())".repeat(size % 200)}`,
  (_, size) => `{ } | quantile_over_time(duration${", .5".repeat(size)})`,
  (_, size) => `{ } | rate() ${"| topk(3) ".repeat(size)}`,
  (_, size) => `{ } | rate() ${"with(a=1) ".repeat(size)}`,
];
export const SIZES = [1, 10, 100, 199, 1000, 2000, 5000];

function hostileQuery(random: Prng): string {
  return pick(random, HOSTILE)(random, pick(random, SIZES)).slice(0, 130_000);
}

function noise(random: Prng): string {
  const length = random.below(60);
  const codes = Array.from({ length }, () => random.below(random.below(2) === 0 ? 128 : 0xffff));
  return String.fromCharCode(...codes);
}

const QUERIES: readonly (readonly [kind: string, share: number, make: (random: Prng) => string])[] =
  [
    ["mutated", 45, mutatedQuery],
    ["search", 15, (random) => print(randomSearchQuery(random))],
    ["metrics", 12, (random) => print(randomMetricsBody(random))],
    ["words", 18, spacedPieces],
    ["noise", 9, noise],
    ["hostile", 1, hostileQuery],
  ];

function randomQuery(random: Prng): { readonly kind: string; readonly text: string } {
  let at = random.below(100);
  for (const [kind, share, make] of QUERIES) {
    if (at < share) return { kind, text: make(random) };
    at -= share;
  }
  throw new Error("test: shares are not a hundred");
}

// ---- parameters

const TIMES = [
  ...["0", "1", "1700000000", "1700000300", "1700000000.5", "1731536000", "4294967295"],
  ...["4294967296", "-1", "1e9", "1700000000000000000", "9223372036854775807", "NaN", "", "x"],
  ...["2023-11-14T22:13:20Z", "99999999999999999999", "1699999990", "1700000100"],
];
const LENGTHS = [
  ...["1h", "15s", "1", "60", "0", "0s", "-5m", "1.5ms", "292y", "8760h", "x", "0.000000001"],
  ...["1d", "NaN", "Inf", "1000000000h", "", "1ns"],
];
const COUNTS = [
  ...[
    "1",
    "3",
    "20",
    "0",
    "-1",
    "100",
    "262144",
    "4294967295",
    "4294967296",
    "1e3",
    "x",
    "",
    "5000",
  ],
];
const TAGS = ["name=a", 'k1="a b"', "a=b a=c", "k1=\\", 'x="', "status.code=error", "=", "a", ""];
const SCOPES = [
  "",
  "span",
  "resource",
  "event",
  "link",
  "instrumentation",
  "intrinsic",
  "none",
  "x",
];
const FIELDS = [
  ...[
    "name",
    "status",
    "span.k1",
    ".k2",
    "resource.service.name",
    "rootName",
    "event:name",
    "kind",
  ],
  ...["k1", "service.name", "event.k1", 'span."with space"', "duration", "parent.k1", "{}", "a b"],
  ...[
    "span:childCount",
    "nestedSetLeft",
    "trace:id",
    "instrumentation:name",
    "__proto__",
    "%",
    "/",
  ],
];
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  start: TIMES,
  end: TIMES,
  since: LENGTHS,
  step: LENGTHS,
  minDuration: LENGTHS,
  maxDuration: LENGTHS,
  limit: COUNTS,
  spss: COUNTS,
  exemplars: COUNTS,
  maxSeries: COUNTS,
  maxStaleValues: COUNTS,
  tags: TAGS,
  scope: SCOPES,
  mode: ["recent", "all", "x"],
};
const NAMES = Object.keys(PARAMETERS);
/** Those of each path, so that most requests are not refused for the first thing they say. */
const PATHS: readonly (readonly [path: string, names: readonly string[]])[] = [
  ["/api/search", ["start", "end", "limit", "spss"]],
  ["/api/search", ["tags", "minDuration", "maxDuration", "limit"]],
  ["/api/search/tags", ["scope", "limit", "start", "end"]],
  ["/api/v2/search/tags", ["scope", "limit", "since"]],
  ["/api/search/tag/FIELD/values", ["limit", "start", "end"]],
  ["/api/v2/search/tag/FIELD/values", ["limit", "since", "maxStaleValues"]],
  ["/api/metrics/query_range", ["start", "end", "step", "exemplars", "maxSeries"]],
  ["/api/metrics/query", ["start", "end", "since"]],
];
const ACCEPTS = ["application/json", "application/protobuf", "application/vnd.grafana.llm", "*/*"];
const SANE: Readonly<Record<string, string>> = {
  start: "1699999980",
  end: "1700000320",
  step: "10s",
  limit: "20",
};

export function randomRequest(random: Prng): QueryRequest {
  const [pattern, names] = pick(random, PATHS);
  const path = pattern.replace("FIELD", () => encodeURIComponent(pick(random, FIELDS)));
  const params = new URLSearchParams();
  for (const name of names) {
    const sane = SANE[name];
    if (sane !== undefined && random.below(4) > 0) params.set(name, sane);
    else if (random.below(3) === 0) params.append(name, pick(random, PARAMETERS[name]));
  }
  if (random.below(10) === 0) {
    const name = pick(random, NAMES);
    params.append(name, pick(random, PARAMETERS[name]));
  }
  const hasTags = params.has("tags");
  const made = hasTags || random.below(20) === 0 ? undefined : randomQuery(random);
  if (made !== undefined) params.append("q", made.text);
  const accept = random.below(10) === 0 ? pick(random, ACCEPTS) : ACCEPTS[0];
  const escaped = `${path}?${params}`;
  if (random.below(50) === 0) {
    const at = 1 + random.below(escaped.length - 1);
    const broken =
      escaped.slice(0, at) + pick(random, ["%", "%zz", "&", "=", "+", ";", "%00", "?"]);
    return { path: broken + escaped.slice(at), accept, kind: "broken URL", query: undefined };
  }
  return { path: escaped, accept, kind: made?.kind ?? "none", query: made?.text };
}
