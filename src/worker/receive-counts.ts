/** Counts of one receiver by tenant, kept by its thread and fetched by main for `/metrics`. */
import type { ReceiveMeter, Verdict } from "../receive/receive.ts";
import type { ReceiverSnapshot, TenantCounts } from "./worker-protocol.ts";

/** Tenants beyond these are counted together, so that a client cannot make labels without end. */
const TENANTS_MAX = 1000;
const OTHER = "{other}";

interface Counts {
  spans: number;
  bytes: number;
  requests: number;
  discarded: Record<string, number>;
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
    const { invalidTraceId, invalidSpanId, invalidUtf8, overLimit } = verdict.rejected;
    counts.spans += verdict.accepted;
    counts.bytes += bytes;
    counts.requests += 1;
    if (invalidTraceId > 0) add(counts, "invalid_trace_id", invalidTraceId);
    if (invalidSpanId > 0) add(counts, "invalid_span_id", invalidSpanId);
    if (invalidUtf8 > 0) add(counts, "invalid_utf8", invalidUtf8);
    if (overLimit > 0) add(counts, "attribute_limit", overLimit);
  }

  refused(tenant: string, reason: string, requests = 1): void {
    add(this.#of(tenant), `request_${reason}`, requests);
  }

  snapshot(): ReceiverSnapshot {
    const tenants: Record<string, TenantCounts> = {};
    for (const [tenant, counts] of this.#tenants) {
      tenants[tenant] = { ...counts, discarded: { ...counts.discarded } };
    }
    return { name: this.name, transport: this.#transport, tenants };
  }

  #of(tenant: string): Counts {
    const known = this.#tenants.get(tenant);
    if (known) return known;
    const name = this.#tenants.size < TENANTS_MAX ? tenant : OTHER;
    const counts = this.#tenants.get(name) ?? { spans: 0, bytes: 0, requests: 0, discarded: {} };
    this.#tenants.set(name, counts);
    return counts;
  }
}

function add(counts: Counts, reason: string, count: number): void {
  counts.discarded[reason] = (counts.discarded[reason] ?? 0) + count;
}
