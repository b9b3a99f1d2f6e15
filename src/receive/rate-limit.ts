/**
 * How many bytes a second each tenant may send, for all ingress threads together.
 *
 * A bucket is one time: the one at which it would be full again, if nothing more came. A request
 * moves it on by what its bytes take at the tenant's rate, and is refused when that would be later
 * than a burst from now (GCRA). So a bucket is one word that threads change by compare-and-set,
 * and one that nobody used for a while is as good as new.
 *
 *   slot := key i64 (0: free) · full again at i64, in microseconds
 *
 * Invariants:
 * (1) A slot has the same key for ever: a hash of the tenant's name. Slots are searched from the
 *     hash on, and the first free one is taken.
 * (2) Tenants that find none have a bucket for each thread.
 */
import type { Clock } from "../base/clock.ts";
import { EngineError, refusal } from "../base/error.ts";

/** What one tenant may send; without a bound both are Infinity. */
export interface RateLimit {
  readonly bytesPerSecond: number;
  /** At once. A request over it can never be taken. */
  readonly burstBytes: number;
}

/** Of tenants that have limits of their own, and of all others. */
export interface RateLimits {
  readonly byTenant: ReadonlyMap<string, RateLimit>;
  readonly others: RateLimit;
}

export const NO_RATE_LIMIT: RateLimit = {
  bytesPerSecond: Number.POSITIVE_INFINITY,
  burstBytes: Number.POSITIVE_INFINITY,
};

const SLOTS = 8192;
/** Beyond this many places a tenant has no slot. */
const PROBES_MAX = 64;
export const RATE_TABLE_BYTES = SLOTS * 16;
/** Tenants whose slot is known; there are few, and it can be found again. */
const KNOWN_MAX = 10_000;

export class RateLimiter {
  readonly #cells: BigInt64Array;
  readonly #clock: Clock;
  #limits: RateLimits;
  /** By tenant: the array and the index of its bucket. */
  readonly #buckets = new Map<string, { readonly cells: BigInt64Array; readonly at: number }>();

  /** `table` is RATE_TABLE_BYTES, zero at first, and shared by all threads. */
  constructor(table: SharedArrayBuffer, limits: RateLimits, clock: Clock) {
    this.#cells = new BigInt64Array(table);
    this.#limits = limits;
    this.#clock = clock;
  }

  setLimits(limits: RateLimits): void {
    this.#limits = limits;
  }

  /**
   * Before a request is read that has so many bytes as OTLP, or more: why take() would refuse it.
   */
  check(tenant: string, bytes: number): EngineError | undefined {
    return this.#move(tenant, Math.max(1, bytes), false);
  }

  /** Throws `rate_limited`, or `too_large` for what is over the burst. */
  take(tenant: string, bytes: number): void {
    const refused = this.#move(tenant, bytes, true);
    if (refused !== undefined) throw refused;
  }

  /** Gives back what was taken for a request that could not be kept. */
  giveBack(tenant: string, bytes: number): void {
    const limit = this.#limitOf(tenant);
    if (limit.bytesPerSecond === Number.POSITIVE_INFINITY) return;
    const { cells, at } = this.#bucketOf(tenant);
    Atomics.sub(cells, at, BigInt(costUs(bytes, limit.bytesPerSecond)));
  }

  #limitOf(tenant: string): RateLimit {
    return this.#limits.byTenant.get(tenant) ?? this.#limits.others;
  }

  #move(tenant: string, bytes: number, takes: boolean): EngineError | undefined {
    const limit = this.#limitOf(tenant);
    const { bytesPerSecond, burstBytes } = limit;
    if (bytesPerSecond === Number.POSITIVE_INFINITY) return undefined;
    if (bytes > burstBytes) return overBurst(tenant, sizeText(bytes, takes), limit);
    if (bytesPerSecond === 0) return overRate(tenant, sizeText(bytes, takes), limit);
    const nowUs = Math.round(this.#clock.nowMs() * 1000);
    const burstUs = costUs(burstBytes, bytesPerSecond);
    const cost = costUs(bytes, bytesPerSecond);
    const { cells, at } = this.#bucketOf(tenant);
    for (;;) {
      const before = Atomics.load(cells, at);
      const fullAt = Number(before);
      // Later than any burst: the clock was set back, or the limit was lower. It begins anew.
      const base = fullAt < nowUs || fullAt > nowUs + burstUs ? nowUs : fullAt;
      if (base + cost > nowUs + burstUs) return overRate(tenant, sizeText(bytes, takes), limit);
      if (!takes) return undefined;
      const after = BigInt(base + cost);
      if (Atomics.compareExchange(cells, at, before, after) === before) return undefined;
    }
  }

  #bucketOf(tenant: string) {
    const known = this.#buckets.get(tenant);
    if (known !== undefined) return known;
    if (this.#buckets.size >= KNOWN_MAX) this.#buckets.clear();
    const slot = this.#slotOf(tenant);
    const own = { cells: new BigInt64Array(new SharedArrayBuffer(8)), at: 0 };
    const bucket = slot < 0 ? own : { cells: this.#cells, at: 2 * slot + 1 };
    this.#buckets.set(tenant, bucket);
    return bucket;
  }

  #slotOf(tenant: string): number {
    const key = keyOf(tenant);
    let slot = Number(BigInt.asUintN(32, key)) % SLOTS;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const found = Atomics.compareExchange(this.#cells, 2 * slot, 0n, key);
      if (found === 0n || found === key) return slot;
      slot = (slot + 1) % SLOTS;
    }
    return -1;
  }
}

function costUs(bytes: number, bytesPerSecond: number): number {
  return Math.ceil((bytes * 1e6) / bytesPerSecond);
}

/** FNV-1a of 64 bits, never zero. */
function keyOf(tenant: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < tenant.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(tenant.charCodeAt(i))) * 0x100000001b3n);
  }
  return BigInt.asIntN(64, hash | 1n);
}

// ---- in Tempo's words, which dashboards and people look for

/** Of a request that was not read all that is known is a bound. */
function sizeText(bytes: number, isKnown: boolean): string {
  return `${isKnown ? "" : "at least "}${Math.ceil(bytes)} bytes`;
}

function overRate(tenant: string, size: string, limit: RateLimit): EngineError {
  const { bytesPerSecond, burstBytes } = limit;
  return refusal(
    "rate_limited",
    `RATE_LIMITED: ingestion rate limit (local: ${bytesPerSecond} bytes, global: 0 bytes, ` +
      `burst: ${burstBytes} bytes) exceeded while adding ${size} for user ${tenant}`,
  );
}

/** It never succeeds, however often it is sent. */
function overBurst(tenant: string, size: string, limit: RateLimit): EngineError {
  const { bytesPerSecond, burstBytes } = limit;
  return new EngineError(
    "too_large",
    `RATE_LIMITED: batch size (${size}) exceeds ingestion limit (local: ${bytesPerSecond} ` +
      `bytes/s, global: 0 bytes/s, burst: ${burstBytes} bytes) while adding ${size} for user ` +
      `${tenant}`,
  );
}
