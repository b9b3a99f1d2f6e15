/**
 * The text of `/metrics`. prom-client keeps names, escapes and histograms; the values are the
 * engine's, asked for at each scrape. Its default metrics read what Bun does not have, so the
 * three of the process that dashboards need are read here.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../base/clock.ts";
import type { AnsweredRequest, BuildInfo, MetricsText, RequestMeter } from "./api-parts.ts";
import { type EngineMetric, engineMetrics } from "./engine-metric-table.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";

/**
 * Tenants with series of their own: the first that are seen. A scrape with all of ten thousand
 * tenants would be megabytes, and each is a series for ever in whatever scrapes.
 */
export const TENANT_LABELS_MAX = 1000;

/** The tenant label of all others together; no tenant can have a brace in its name. */
export const OTHER_TENANTS = "{other}";

/** As Tempo's server has them, in seconds. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100];

/** Methods with a series of their own: a client may send any word. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export interface EngineMetricsOptions {
  readonly build: BuildInfo;
  readonly clock: Clock;
  /** Asked once a scrape. */
  snapshot(): EngineSnapshot | Promise<EngineSnapshot>;
}

export class EngineMetrics implements MetricsText, RequestMeter {
  readonly #options: EngineMetricsOptions;
  readonly #registry = new Registry();
  readonly #requests: Histogram;
  readonly #fills: readonly ((snapshot: EngineSnapshot) => void)[];
  readonly #namedTenants = new Set<string>();

  constructor(options: EngineMetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    this.#requests = new Histogram({
      name: "tempo_request_duration_seconds",
      help: "Time until an answer was ready, by route and status.",
      labelNames: ["method", "route", "status_code", "ws"],
      buckets: REQUEST_BUCKETS,
      registers,
    });
    this.#fills = engineMetrics.map((metric) => this.#fill(metric));
    new Gauge({
      name: "tempo_build_info",
      help: "1, with what was built as labels.",
      labelNames: ["version", "revision", "branch", "goversion"],
      registers,
    }).set({ ...options.build, branch: "vivace", goversion: "" }, 1);
    addProcess(this.#registry, options.clock);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    const snapshot = await this.#options.snapshot();
    for (const fill of this.#fills) fill(snapshot);
    return this.#registry.metrics();
  }

  answered({ method, route, status, seconds }: AnsweredRequest): void {
    const word = METHODS.has(method) ? method : "other";
    const labels = { method: word, route, status_code: String(status), ws: "false" };
    this.#requests.observe(labels, seconds);
  }

  #fill(metric: EngineMetric): (snapshot: EngineSnapshot) => void {
    const { name, help } = metric;
    const config = { name, help, labelNames: [...metric.labels], registers: [this.#registry] };
    const shown = metric.type === "counter" ? new Counter(config) : new Gauge(config);
    return (snapshot) => {
      shown.reset();
      for (const [values, value] of metric.read(snapshot)) {
        shown.inc(this.#labelled(metric.labels, values), value);
      }
    };
  }

  #labelled(names: readonly string[], values: readonly string[]): Record<string, string> {
    const pairs = names.map((name, at) => {
      const value = name === "tenant" ? this.#tenantLabel(values[at]) : values[at];
      return [name, value] as const;
    });
    return Object.fromEntries(pairs);
  }

  /** Once named always named: a counter must not lose what it counted. */
  #tenantLabel(tenant: string): string {
    if (this.#namedTenants.has(tenant)) return tenant;
    if (this.#namedTenants.size >= TENANT_LABELS_MAX) return OTHER_TENANTS;
    this.#namedTenants.add(tenant);
    return tenant;
  }
}

function addProcess(registry: Registry, clock: Clock): void {
  const registers = [registry];
  const startSeconds = clock.nowMs() / 1000 - process.uptime();
  new Gauge({
    name: "process_start_time_seconds",
    help: "Unix time of the start.",
    registers,
  }).set(startSeconds);
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory in use.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of all threads, user and system.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
