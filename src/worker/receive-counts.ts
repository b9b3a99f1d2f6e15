/** Counts of one receiver by tenant, kept by its thread and fetched by main for `/metrics`. */
import { rejectedCount } from "../receive/otlp-response.ts";
import type { ReceiveMeter, RefusedCounts, Verdict } from "../receive/receive.ts";
import type { ReceiverSnapshot, TenantCounts } from "./worker-protocol.ts";

/** Tenants beyond these are counted together, so that a client cannot make labels without end. */
const TENANTS_MAX = 1000;
const OTHER = "{other}";

interface Counts {
  spans: number;
  bytes: number;
  requests: number;
  discarded: Record<string, number>;
  cut: Record<string, number>;
}

export class ReceiveCounts implements ReceiveMeter {
  readonly name: string;
  readonly #transport: string;
  readonly #tenants = new Map<string, Counts>();

  constructor(name: string, transport: string) {
    this.name = name;
    this.#transport = transport;
  }

  stored(tenant: string, bytes: number, verdict: Verdict): void {
    const counts = this.#of(tenant);
    const { rejected, cut } = verdict;
    counts.spans += verdict.accepted;
    counts.bytes += bytes;
    counts.requests += 1;
    if (rejectedCount(rejected) > 0) {
      add(counts.discarded, "invalid_trace_id", rejected.invalidTraceId);
      add(counts.discarded, "invalid_span_id", rejected.invalidSpanId);
      add(counts.discarded, "invalid_utf8", rejected.invalidUtf8);
      add(counts.discarded, "attribute_limit", rejected.overLimit);
      add(counts.discarded, "trace_too_large", rejected.traceTooLarge);
      add(counts.discarded, "live_traces_exceeded", rejected.liveTraces);
    }
    if (cut !== undefined)
      for (const [of, texts] of Object.entries(cut)) add(counts.cut, of, texts);
  }

  /** By spans where they are known, else by requests, which the reason then says. */
  refused(tenant: string, reason: string, { requests = 1, spans }: RefusedCounts = {}): void {
    const { discarded } = this.#of(tenant);
    if (spans === undefined) add(discarded, `request_${reason}`, requests);
    else add(discarded, reason, spans);
  }

  snapshot(): ReceiverSnapshot {
    const tenants: Record<string, TenantCounts> = {};
    for (const [tenant, counts] of this.#tenants) {
      tenants[tenant] = {
        ...counts,
        discarded: { ...counts.discarded },
        cut: { ...counts.cut },
      };
    }
    return { name: this.name, transport: this.#transport, tenants };
  }

  #of(tenant: string): Counts {
    const known = this.#tenants.get(tenant);
    if (known) return known;
    const name = this.#tenants.size < TENANTS_MAX ? tenant : OTHER;
    const none = { spans: 0, bytes: 0, requests: 0, discarded: {}, cut: {} };
    const counts = this.#tenants.get(name) ?? none;
    this.#tenants.set(name, counts);
    return counts;
  }
}

function add(counts: Record<string, number>, label: string, count: number): void {
  if (count > 0) counts[label] = (counts[label] ?? 0) + count;
}
