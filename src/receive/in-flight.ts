/**
 * Bytes of requests that are being received or wait for their answer, and the bound on them.
 *
 * A request holds what its body may take before the body is read, so that memory is bounded by
 * what clients were promised and not by what they send. One tenant may hold a share of it only,
 * so that a loud one is slowed down (429) before all are refused (503).
 *
 * Large requests leave room for small ones: a few clients that send the largest and are slow about
 * it would keep all others out.
 *
 * Not counted is what exists during one synchronous step only: a compressed body beside what
 * comes out of it, pieces beside the whole. A thread has one of these at a time.
 *
 * Invariants:
 * (1) The sums are those of all reservations that were not released; at rest they are zero.
 * (2) 0 <= bytes <= bytesMax; a tenant's sum is at most tenantBytesMax, and never stays as zero.
 *
 * Threads: each ingress Worker has its own, and its part of the bound.
 */
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { type EngineError, refusal } from "../base/error.ts";

export interface InFlightOptions {
  /** At least the largest request, or that one could never be taken. */
  readonly bytesMax: number;
  /** Likewise. Undefined: tenants are not told apart. */
  readonly tenantBytesMax: number | undefined;
  /** What the largest request may take of it leaves this for those up to SMALL_BYTES. */
  readonly keptBytes?: number;
  /** Why the tenant may not send now what has so many bytes as OTLP, or more, room or not. */
  readonly admit?: ((tenant: string, bytes: number) => EngineError | undefined) | undefined;
}

/** Of the bytes of a request: so much is left of it as OTLP. Text of JSON is a few times that. */
export const OTLP_SHARE_MIN = 1 / 8;
/** What exporters send at once is a tenth of it. */
const SMALL_BYTES = MiB;

interface Change {
  readonly to: number;
  readonly otlpBytes: number;
}

export class InFlight {
  readonly #bytesMax: number;
  readonly #tenantBytesMax: number | undefined;
  readonly #keptBytes: number;
  readonly #admit: InFlightOptions["admit"];
  readonly #byTenant = new Map<string, number>();
  #bytes = 0;
  #requests = 0;

  constructor(options: InFlightOptions) {
    this.#bytesMax = options.bytesMax;
    this.#tenantBytesMax = options.tenantBytesMax;
    this.#keptBytes = options.keptBytes ?? 0;
    this.#admit = options.admit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Requests that are past the checks of their headers and not answered. */
  get requests(): number {
    return this.#requests;
  }

  /** Tenants that hold something; zero when they are not told apart. */
  get tenants(): number {
    return this.#byTenant.size;
  }

  /** The largest request that fits while nothing else is in flight. */
  get requestBytesMax(): number {
    const bytesMax = this.#bytesMax - this.#keptBytes;
    return Math.min(bytesMax, this.#tenantBytesMax ?? bytesMax);
  }

  /** `otlpShare`: of its bytes, so many at least count as OTLP. */
  reserve(tenant: string, otlpShare = OTLP_SHARE_MIN): Reservation {
    this.#requests += 1;
    return new Reservation(this, tenant, otlpShare);
  }

  /**
   * Why a request of so many bytes cannot begin, which has `otlpBytes` at least. To be asked
   * before anything else is done for a request: it costs next to nothing.
   */
  refusal(tenant: string, bytes: number, otlpBytes: number): EngineError | undefined {
    return this.#admit?.(tenant, otlpBytes) ?? this.#fullness(tenant, bytes, bytes);
  }

  /** The most that one request of the tenant, which holds `held`, may hold now. For Reservation. */
  room(tenant: string, held: number): number {
    const room = this.#bytesMax - this.#bytes + held;
    const large = Math.min(room, Math.max(SMALL_BYTES, room - this.#keptBytes));
    if (this.#tenantBytesMax === undefined) return large;
    return Math.min(large, this.#tenantBytesMax - (this.#byTenant.get(tenant) ?? 0) + held);
  }

  /** From `held` to `to`, which are `otlpBytes` at least. For Reservation. */
  change(tenant: string, held: number, { to, otlpBytes }: Change): void {
    const bytes = to - held;
    const refused = this.refusalOf(tenant, bytes, { to, otlpBytes });
    if (refused !== undefined) throw refused;
    const all = this.#bytes + bytes;
    if (this.#tenantBytesMax !== undefined) {
      const mine = (this.#byTenant.get(tenant) ?? 0) + bytes;
      assert(mine >= 0, "in flight: a tenant gave back more than it held");
      if (mine === 0) this.#byTenant.delete(tenant);
      else this.#byTenant.set(tenant, mine);
    }
    assert(all >= 0, "in flight: more given back than held");
    this.#bytes = all;
  }

  /** Why a request cannot have so many bytes more. For Reservation. */
  refusalOf(tenant: string, bytes: number, { to, otlpBytes }: Change): EngineError | undefined {
    if (bytes <= 0) return undefined;
    return this.#admit?.(tenant, otlpBytes) ?? this.#fullness(tenant, bytes, to);
  }

  /** Ends a request. For Reservation. */
  end(): void {
    this.#requests -= 1;
    assert(this.#requests >= 0, "in flight: more requests ended than begun");
    assert(this.#requests > 0 || this.#bytes === 0, "in flight: bytes held by no request");
  }

  /** Why there is no room for so many bytes more, of a request that then has `to`. */
  #fullness(tenant: string, bytes: number, to: number): EngineError | undefined {
    if (this.#tenantBytesMax !== undefined) {
      const mine = (this.#byTenant.get(tenant) ?? 0) + bytes;
      if (mine > this.#tenantBytesMax) {
        return refusal("tenant_overloaded", "the tenant has too many bytes in flight");
      }
    }
    const kept = to > SMALL_BYTES ? this.#keptBytes : 0;
    if (this.#bytes + bytes + kept <= this.#bytesMax) return undefined;
    return refusal("overloaded", "the server has too many bytes in flight");
  }
}

/** What one request holds. Ends with release(), in every path. */
export class Reservation {
  readonly #inFlight: InFlight;
  readonly #tenant: string;
  readonly #otlpShare: number;
  #held = 0;
  #released = false;

  constructor(inFlight: InFlight, tenant: string, otlpShare: number) {
    this.#inFlight = inFlight;
    this.#tenant = tenant;
    this.#otlpShare = otlpShare;
  }

  /** The most that hold() would take now. */
  get room(): number {
    return this.#inFlight.room(this.#tenant, this.#held);
  }

  /**
   * From here on the request holds `bytes` in all. Throws `tenant_overloaded` or `overloaded`,
   * and then holds what it did.
   */
  hold(bytes: number): void {
    assert(!this.#released, "in flight: held after release");
    assert(bytes >= 0, "in flight: negative size");
    this.#change(bytes);
  }

  /** Why it cannot hold so many; it holds what it did in any case. */
  refusal(bytes: number): EngineError | undefined {
    const more = bytes - this.#held;
    return this.#inFlight.refusalOf(this.#tenant, more, {
      to: bytes,
      otlpBytes: bytes * this.#otlpShare,
    });
  }

  release(): void {
    assert(!this.#released, "in flight: released twice");
    this.#released = true;
    this.#change(0);
    this.#inFlight.end();
  }

  #change(to: number): void {
    const otlpBytes = to * this.#otlpShare;
    this.#inFlight.change(this.#tenant, this.#held, { to, otlpBytes });
    this.#held = to;
  }
}
