/**
 * The classes of queries that are measured, on the synthetic shop. A class makes as many different
 * queries as it is asked for: literals and time ranges differ from one request to the next, so
 * that nobody can answer from a cache of answers. What all of a class have in common are the
 * columns that they read.
 */
import { SERVICES } from "./data/shop-graph.ts";

export interface TimeRange {
  /** Unix seconds. */
  readonly start: number;
  readonly end: number;
}

export interface QueryClass {
  readonly name: string;
  /** Path and parameters of the n-th query; n only grows. */
  path(n: number, range: TimeRange): string;
  /** Throws when the answer cannot be right. */
  check(answer: unknown): void;
  /** A search that may stop when it has enough: hardly slower with more data. */
  readonly isLimited?: boolean;
}

const LIMIT = 20;
const STEP = "60s";
const services = Object.keys(SERVICES);
/** All of these fail now and then. */
const FAILING = ["frontend", "product-catalog", "checkout", "payment", "recommendation", "ad"];

function search(
  name: string,
  query: (n: number) => string,
  options: { readonly isAbsent?: boolean; readonly isLimited?: boolean } = {},
): QueryClass {
  const { isAbsent = false, isLimited = false } = options;
  return {
    name,
    isLimited,
    path: (n, { start, end }) => `/api/search?${params({ q: query(n), limit: LIMIT, start, end })}`,
    check: (answer) => {
      const found = lengthOf(answer, "traces");
      if (isAbsent ? found > 0 : found === 0) throw new Error(`${name}: ${found} traces found`);
    },
  };
}

function metrics(name: string, query: (n: number) => string, seriesMin: number): QueryClass {
  return {
    name,
    path: (n, { start, end }) =>
      `/api/metrics/query_range?${params({ q: query(n), step: STEP, start, end })}`,
    check: (answer) => {
      const series = lengthOf(answer, "series");
      if (series < seriesMin) throw new Error(`${name}: ${series} series`);
    },
  };
}

function tags(name: string, path: string, [key, atLeast]: readonly [string, number]): QueryClass {
  return {
    name,
    path: (_, { start, end }) => `${path}?${params({ start, end })}`,
    check: (answer) => {
      const found = lengthOf(answer, key);
      if (found < atLeast) throw new Error(`${name}: ${found} ${key}`);
    },
  };
}

const oneOf = <T>(values: readonly T[], n: number): T => values[n % values.length];
const METHODS = ["catalog.list", "catalog.get", "reco.list", "ads.get", "currency", "cart.add"];
const NEVER = ["shop", "user", "order", "item"];

export const CLASSES: readonly QueryClass[] = [
  search(
    "attribute",
    (n) =>
      n % 2 === 0
        ? `{ span.rpc.method = "${oneOf(METHODS, n >> 1)}" }`
        : `{ span.network.peer.address = "10.0.${(n >> 1) % 4}.${10 + ((n >> 3) % 20)}" }`,
    { isLimited: true },
  ),
  search("integer", (n) => `{ span.thread.id = ${(n * 7) % 64} }`, { isLimited: true }),
  search("duration", (n) => `{ duration > ${300 + (n % 50)}ms }`, { isLimited: true }),
  search(
    "service_status",
    (n) => `{ resource.service.name = "${oneOf(FAILING, n)}" && status = error }`,
    { isLimited: true },
  ),
  search("regex", (n) => `{ span.url.path =~ "/product/.*${10 + ((n * 13) % 89)}" }`),
  search("absent", (n) => `{ span.url.path = "/${oneOf(NEVER, n)}/never/${n}" }`, {
    isAbsent: true,
  }),
  search("descendants", (n) => {
    const slow = `duration > ${4 + (n % 40) / 10}ms`;
    return `{ resource.service.name = "frontend" } >> { span.db.system = "postgresql" && ${slow} }`;
  }),
  search(
    "group_count",
    (n) => `{ status = error } | by(resource.service.name) | count() > ${1 + (n % 3)}`,
  ),
  metrics("rate", () => "{ } | rate() by (resource.service.name)", services.length),
  metrics(
    "rate_errors",
    () => "{ status = error } | rate() by (resource.service.name)",
    FAILING.length,
  ),
  metrics("count_by_code", () => "{ } | count_over_time() by (span.http.response.status_code)", 6),
  metrics("quantile", (n) => `{ } | quantile_over_time(duration, .${80 + (n % 19)}) by (name)`, 20),
  metrics("compare", (n) => `{ } | compare({ status = error }, ${10 - (n % 3)})`, 20),
  tags("tag_names", "/api/v2/search/tags", ["scopes", 3]),
  tags("tag_values", "/api/v2/search/tag/resource.service.name/values", [
    "tagValues",
    services.length,
  ]),
  tags("tag_values_5000", "/api/v2/search/tag/span.enduser.id/values", ["tagValues", 4000]),
];

function params(values: Readonly<Record<string, string | number>>): string {
  return new URLSearchParams(
    Object.entries(values).map(([key, value]): [string, string] => [key, `${value}`]),
  ).toString();
}

function lengthOf(answer: unknown, key: string): number {
  const value =
    typeof answer === "object" && answer !== null ? Reflect.get(answer, key) : undefined;
  return Array.isArray(value) ? value.length : 0;
}
