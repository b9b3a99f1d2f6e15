/**
 * The live traces of tenants that have a limit on them: how many there are, and how large each is.
 *
 * A trace is live from its first span until none has come for the idle time; then it counts no
 * longer, and begins anew when another one comes. A restart forgets all of them.
 *
 * Each tenant has a table of its own: open addressing, at most half full. Traces that ended stay in
 * it until it is rebuilt: when it would grow, or when the tenant is at its limit.
 *
 * Invariants:
 * (1) A place is free while its time is 0. No place becomes free but by a rebuild.
 * (2) No table grows beyond PLACES_MAX places of all of them together; there no trace can begin.
 *
 * Threads: ingest only.
 */
import { assert } from "../base/assert.ts";

/** 0 is no limit. */
export interface TraceLimits {
  readonly traceBytesMax: number;
  readonly liveTracesMax: number;
}

export type TraceFault = "none" | "too_large" | "too_many";

export interface LiveTracesOptions {
  readonly idleMs: number;
  /** Makes it unknown which ids fall on one place. */
  readonly seed: number;
}

/** Of 28 bytes. */
const PLACES_MAX = 2 ** 20;
const PLACES_MIN = 64;
/** A table at a bound looks for traces that ended this often at most. */
const REBUILD_EVERY_MS = 100;

/** Four words of a trace's id. */
export type IdWords = Uint32Array;

export class LiveTraces {
  readonly #idleMs: number;
  readonly #seed: number;
  readonly #byTenant = new Map<string, TraceTable>();
  #places = 0;
  #sweptMs = 0;

  constructor(options: LiveTracesOptions) {
    this.#idleMs = options.idleMs;
    this.#seed = options.seed;
  }

  get tenants(): number {
    return this.#byTenant.size;
  }

  /** The tenant's table, to be used at once. */
  of(tenant: string, nowMs: number): TraceTable {
    if (nowMs - this.#sweptMs > this.#idleMs) this.#sweep(nowMs);
    const known = this.#byTenant.get(tenant);
    if (known !== undefined) return known;
    const table = new TraceTable({
      idleMs: this.#idleMs,
      seed: this.#seed,
      grow: (places) => this.#grow(places),
    });
    this.#byTenant.set(tenant, table);
    this.#places += table.places;
    return table;
  }

  /** Forgets tenants that have sent nothing for so long. */
  #sweep(nowMs: number): void {
    this.#sweptMs = nowMs;
    for (const [tenant, table] of this.#byTenant) {
      if (nowMs - table.usedMs <= this.#idleMs) continue;
      this.#byTenant.delete(tenant);
      this.#places -= table.places;
    }
  }

  #grow(places: number): boolean {
    if (this.#places + places > PLACES_MAX) return false;
    this.#places += places;
    return true;
  }
}

interface TableOptions extends LiveTracesOptions {
  /** Takes so many more places, or says that there are none. */
  readonly grow: (places: number) => boolean;
}

export class TraceTable {
  readonly #options: TableOptions;
  #ids = new Uint32Array(4 * PLACES_MIN);
  #bytes = new Uint32Array(PLACES_MIN);
  #seenMs = new Float64Array(PLACES_MIN);
  #used = 0;
  #rebuiltMs = 0;
  /** When a span came last. */
  usedMs = 0;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  get places(): number {
    return this.#bytes.length;
  }

  /** Counts a span of so many bytes, whose trace's id is at `words[at]`, unless it is refused. */
  take(
    { words, at, bytes }: { words: IdWords; at: number; bytes: number },
    limits: TraceLimits,
    nowMs: number,
  ): TraceFault {
    this.usedMs = nowMs;
    const { traceBytesMax, liveTracesMax } = limits;
    let place = this.#placeOf(words, at);
    const isLive = this.#isLive(this.#seenMs[place], nowMs);
    const held = isLive ? this.#bytes[place] : 0;
    const isTooLarge = traceBytesMax > 0 && held + bytes > traceBytesMax;
    if (isTooLarge && !isLive) return "too_large";
    if (!isLive) {
      if (!this.#hasRoom(liveTracesMax, nowMs)) return "too_many";
      place = this.#placeOf(words, at);
      if (this.#seenMs[place] === 0) {
        this.#used += 1;
        this.#ids.set(words.subarray(at, at + 4), 4 * place);
      }
    }
    // Also of what is refused: a trace that goes on is not idle.
    this.#seenMs[place] = nowMs;
    if (isTooLarge) return "too_large";
    this.#bytes[place] = Math.min(held + bytes, 0xffff_ffff);
    return "none";
  }

  /** A span that was taken could not be kept. */
  giveBack({ words, at, bytes }: { words: IdWords; at: number; bytes: number }): void {
    const place = this.#placeOf(words, at);
    this.#bytes[place] = Math.max(0, this.#bytes[place] - bytes);
  }

  /** Whether one more trace may begin; may move all of them. */
  #hasRoom(liveTracesMax: number, nowMs: number): boolean {
    const isAtLimit = () => liveTracesMax > 0 && this.#used >= liveTracesMax;
    if (!isAtLimit() && this.#used < this.places / 2) return true;
    if (nowMs - this.#rebuiltMs >= REBUILD_EVERY_MS) this.#rebuild(this.places, nowMs);
    if (isAtLimit()) return false;
    // Were it not larger then, it would soon be full again.
    if (this.#used >= this.places / 4 && this.#options.grow(this.places)) {
      this.#rebuild(2 * this.places, nowMs);
    }
    return this.#used < this.places / 2;
  }

  /** Into tables of so many places, without traces that ended. */
  #rebuild(places: number, nowMs: number): void {
    const ids = this.#ids;
    const bytes = this.#bytes;
    const seenMs = this.#seenMs;
    this.#ids = new Uint32Array(4 * places);
    this.#bytes = new Uint32Array(places);
    this.#seenMs = new Float64Array(places);
    this.#used = 0;
    this.#rebuiltMs = nowMs;
    for (let from = 0; from < seenMs.length; from++) {
      if (!this.#isLive(seenMs[from], nowMs)) continue;
      const to = this.#placeOf(ids, 4 * from);
      this.#ids.set(ids.subarray(4 * from, 4 * from + 4), 4 * to);
      this.#bytes[to] = bytes[from];
      this.#seenMs[to] = seenMs[from];
      this.#used += 1;
    }
  }

  #isLive(seenMs: number, nowMs: number): boolean {
    return seenMs !== 0 && nowMs - seenMs <= this.#options.idleMs;
  }

  /** Where the trace is, or would be. */
  #placeOf(words: IdWords, at: number): number {
    const ids = this.#ids;
    const mask = this.places - 1;
    assert(this.#used <= mask, "live traces: a full table");
    let place = hashOf(words, at, this.#options.seed) & mask;
    for (; this.#seenMs[place] !== 0; place = (place + 1) & mask) {
      const known = 4 * place;
      if (
        ids[known] === words[at] &&
        ids[known + 1] === words[at + 1] &&
        ids[known + 2] === words[at + 2] &&
        ids[known + 3] === words[at + 3]
      ) {
        break;
      }
    }
    return place;
  }
}

function hashOf(words: IdWords, at: number, seed: number): number {
  let hash = seed;
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ words[at + i], 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85eb_ca6b);
  return hash ^ (hash >>> 13);
}
