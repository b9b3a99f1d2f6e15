/**
 * A ring of requests between exactly one ingress Worker and the ingest Worker.
 *
 * Why not postMessage: it clones and wakes per message. Here a hand-over is one copy and one
 * store, and the answers of a whole group come back with one wake-up.
 *
 *   slot := length u32 · payload bytes u32 · tenant bytes u32 · orders u32 ·
 *           limits (LIMIT_WORDS u32) · result (RESULT_WORDS u32) ·
 *           header space · tenant · padding · payload · padding
 *
 * Orders say what the consumer is to do besides, and limits are those of the tenant; neither
 * means anything to the ring.
 *
 * The header space is that of a log record, so that the consumer writes a slot's record to disk
 * from where it lies. Producer and consumer move three counters of bytes, each modulo 2^32:
 *
 *   reaped ≤ done ≤ tail ≤ reaped + capacity
 *
 * Invariants:
 * (1) Only the producer stores `tail` and `reaped`, only the consumer stores `done`.
 * (2) [done, tail) holds whole requests that nobody has answered yet. `tail` is stored after the
 *     bytes of a slot, never before.
 * (3) [reaped, done) holds answered slots. The consumer writes a slot's result before it stores
 *     `done`; the producer reads it, then frees the slot by moving `reaped`.
 * (4) A slot never wraps. If it does not fit before the end, SKIP marks the rest as unused.
 * (5) What is skipped counts as used until the consumer is past it, so the mark is not
 *     overwritten. Past its first quarter the ring starts again at offset 0 while little is in
 *     it, so that it seldom leaves warm memory; the rest is there for large requests and many.
 *     Any slot up to half of the capacity fits into an empty ring.
 *
 * Threads: offer() and reap() from the producer only; peek() and finish() from the consumer only.
 */
import { assert } from "../base/assert.ts";

const TAIL = 0;
const DONE = 16; // in words: each counter on a cache line of its own
const REAPED = 32;
export const RING_CONTROL_BYTES = 192;

const SKIP = 0xffff_ffff;
export const RESULT_WORDS = 16;
export const LIMIT_WORDS = 4;
const ORDERS_WORD = 3;
const LIMITS_WORD = 4;
const RESULT_WORD = LIMITS_WORD + LIMIT_WORDS;
const SLOT_HEADER_BYTES = (RESULT_WORD + RESULT_WORDS) * 4;
/** In use where the ring may start again: until these are done it has that much less room. */
const QUIET_SHARE = 1 / 32;
/** Wasm loads may run past the end of a request by this much. */
const OVERRUN_BYTES = 64;

export interface RingOptions {
  readonly buffer: SharedArrayBuffer;
  /** Where RING_CONTROL_BYTES and then `capacity` bytes lie. A multiple of 64. */
  readonly base: number;
  readonly capacity: number;
  /** Bytes that a log record puts before the tenant. */
  readonly recordHeaderBytes: number;
}

/** What goes with a request into its slot. */
export interface SlotHead {
  /** Completes the header of the record at the given address. */
  readonly fillHeader: (recordAddress: number) => void;
  /** Undefined: they are zero, and the limits are not said. */
  readonly orders?: SlotOrders | undefined;
}

export interface SlotOrders {
  readonly orders: number;
  /** LIMIT_WORDS of them. */
  readonly limits: readonly number[];
}

/** A request in the ring as the consumer sees it. Addresses count from the start of the memory. */
export interface Slot {
  /** The counter after this slot: what finish() takes. */
  next: number;
  orders: number;
  /** Address of LIMIT_WORDS words. */
  limits: number;
  result: number;
  record: number;
  recordBytes: number;
  tenant: number;
  tenantBytes: number;
  payload: number;
  payloadBytes: number;
}

export class Ring {
  readonly capacity: number;
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #dataBase: number;
  readonly #recordHeaderBytes: number;
  /** The counter at which bytes were last skipped, and how many. */
  #skippedAt = 0;
  #skippedBytes = 0;

  constructor(options: RingOptions) {
    assert(options.base % 64 === 0, "ring: base is not aligned");
    assert((options.capacity & (options.capacity - 1)) === 0, "ring: not a power of two");
    assert(options.recordHeaderBytes % 8 === 0, "ring: record header is not aligned");
    this.capacity = options.capacity;
    this.#control = new Int32Array(options.buffer, options.base, RING_CONTROL_BYTES / 4);
    this.#words = new Uint32Array(options.buffer);
    this.#bytes = new Uint8Array(options.buffer);
    this.#dataBase = options.base + RING_CONTROL_BYTES;
    this.#recordHeaderBytes = options.recordHeaderBytes;
  }

  /** Bytes that a request takes in the ring. */
  slotBytes(tenantBytes: number, payloadBytes: number): number {
    const record = this.#recordHeaderBytes + align8(tenantBytes) + align8(payloadBytes);
    return align64(SLOT_HEADER_BYTES + record + OVERRUN_BYTES);
  }

  /**
   * Copies a request in. Returns the counter at which its answer is due, or -1 when there is no
   * room: nothing was kept.
   */
  offer(tenant: Uint8Array, payload: Uint8Array, { fillHeader, orders }: SlotHead): number {
    const { byteLength } = payload;
    const size = this.slotBytes(tenant.byteLength, byteLength);
    assert(size <= this.capacity / 2, "ring: request over half of the ring's capacity");
    let tail = Atomics.load(this.#control, TAIL) >>> 0;
    const used = (tail - (Atomics.load(this.#control, REAPED) >>> 0)) >>> 0;
    assert(used <= this.capacity, "ring: reaped ran past tail");
    let offset = tail % this.capacity;
    const rest = this.capacity - offset;
    const fitsAtStart = used + rest + size <= this.capacity;
    const isQuiet = used <= this.capacity * QUIET_SHARE && offset > this.capacity / 4;
    if (size > rest || (isQuiet && fitsAtStart)) {
      if (!fitsAtStart) return -1;
      this.#words[(this.#dataBase + offset) >>> 2] = SKIP;
      this.#skippedAt = tail;
      this.#skippedBytes = rest;
      tail = (tail + rest) >>> 0;
      offset = 0;
    } else if (used + size > this.capacity) return -1;

    const slot = this.#dataBase + offset;
    const record = slot + SLOT_HEADER_BYTES;
    const tenantAt = record + this.#recordHeaderBytes;
    const payloadAt = tenantAt + align8(tenant.byteLength);
    const end = payloadAt + align8(byteLength);
    if (tenant.byteLength > 0) this.#words.fill(0, (payloadAt >>> 2) - 2, payloadAt >>> 2);
    this.#words.fill(0, (end >>> 2) - 2, end >>> 2);
    this.#bytes.set(tenant, tenantAt);
    this.#bytes.set(payload, payloadAt);
    this.#words[(slot >>> 2) + 1] = byteLength;
    this.#words[(slot >>> 2) + 2] = tenant.byteLength;
    this.#words[slot >>> 2] = size;
    this.#words[(slot >>> 2) + ORDERS_WORD] = orders?.orders ?? 0;
    if (orders !== undefined) this.#words.set(orders.limits, (slot >>> 2) + LIMITS_WORD);
    fillHeader(record);
    const next = (tail + size) >>> 0;
    Atomics.store(this.#control, TAIL, next | 0);
    return next;
  }

  /** True when something was offered that is not finished. */
  get pending(): boolean {
    return Atomics.load(this.#control, DONE) !== Atomics.load(this.#control, TAIL);
  }

  /** The slot at counter `at` (0 at first, then the `next` before it); false at the tail. */
  peek(at: number, slot: Slot): boolean {
    const tail = Atomics.load(this.#control, TAIL) >>> 0;
    if (at === tail) return false;
    let offset = at % this.capacity;
    let from = at;
    if (this.#words[(this.#dataBase + offset) >>> 2] === SKIP) {
      from = (at + this.capacity - offset) >>> 0;
      offset = 0;
      if (from === tail) return false;
    }
    const start = this.#dataBase + offset;
    const size = this.#words[start >>> 2];
    assert(size % 64 === 0 && size <= this.capacity, "ring: slot length is corrupt");
    slot.payloadBytes = this.#words[(start >>> 2) + 1];
    slot.tenantBytes = this.#words[(start >>> 2) + 2];
    slot.orders = this.#words[(start >>> 2) + ORDERS_WORD];
    slot.limits = start + LIMITS_WORD * 4;
    slot.result = start + RESULT_WORD * 4;
    slot.record = start + SLOT_HEADER_BYTES;
    slot.tenant = slot.record + this.#recordHeaderBytes;
    slot.payload = slot.tenant + align8(slot.tenantBytes);
    slot.recordBytes = slot.payload + align8(slot.payloadBytes) - slot.record;
    slot.next = (from + size) >>> 0;
    return true;
  }

  /** Producer's side: the counter behind the newest slot. */
  get tail(): number {
    return Atomics.load(this.#control, TAIL) >>> 0;
  }

  /** Producer's side: true when there are slots that were not reaped. */
  get occupied(): boolean {
    return Atomics.load(this.#control, REAPED) >>> 0 !== this.tail;
  }

  /** Producer's side: true when there are answers that were not reaped. */
  get answers(): boolean {
    return Atomics.load(this.#control, REAPED) !== Atomics.load(this.#control, DONE);
  }

  get done(): number {
    return Atomics.load(this.#control, DONE) >>> 0;
  }

  /** Consumer's side: the request of a slot has become shorter where it lies. */
  shorten(slot: Slot, payloadBytes: number): void {
    assert(payloadBytes <= slot.payloadBytes, "ring: a request became longer");
    slot.payloadBytes = payloadBytes;
    slot.recordBytes = slot.payload + align8(payloadBytes) - slot.record;
  }

  /** Hands all slots before counter `next` back to the producer and wakes it. */
  finish(next: number): void {
    Atomics.store(this.#control, DONE, next | 0);
    Atomics.notify(this.#control, DONE);
  }

  /**
   * Shows each answered slot's result words to `visit` and frees it. `visit` gets the counter
   * that offer() returned, and the index of the first result word in `words`.
   */
  reap(visit: (next: number, words: Uint32Array, index: number) => void): void {
    const done = Atomics.load(this.#control, DONE) >>> 0;
    let at = Atomics.load(this.#control, REAPED) >>> 0;
    while (at !== done) {
      let offset = at % this.capacity;
      if (this.#words[(this.#dataBase + offset) >>> 2] === SKIP) {
        at = (at + this.capacity - offset) >>> 0;
        offset = 0;
        if (at === done) break;
      }
      const word = (this.#dataBase + offset) >>> 2;
      const next = (at + this.#words[word]) >>> 0;
      visit(next, this.#words, word + RESULT_WORD);
      at = next;
    }
    Atomics.store(this.#control, REAPED, at | 0);
  }

  /** Producer's side: bytes of slots that the consumer has still to do. */
  get backlogBytes(): number {
    const { tail, done } = this;
    const bytes = (tail - done) >>> 0;
    // No earlier skip is before `done`: a ring does not start again twice within itself.
    const isSkipAhead = bytes >= (tail - this.#skippedAt) >>> 0;
    return isSkipAhead ? bytes - this.#skippedBytes : bytes;
  }

  /** Sleeps until the consumer has moved `done` since it was `seen`, for so long at most. */
  sleep(seen: number, ms: number): void {
    Atomics.wait(this.#control, DONE, seen | 0, ms);
  }

  /** Resolves when the consumer has moved `done` since it was `seen`; at once if it has already. */
  answered(seen: number): Promise<unknown> {
    const waiting = Atomics.waitAsync(this.#control, DONE, seen | 0);
    return waiting.async ? waiting.value : Promise.resolve(waiting.value);
  }
}

/** Bytes offered to the ring at `base` and not yet reaped: for whoever only watches. */
export function ringUsedBytes(buffer: SharedArrayBuffer, base: number): number {
  const control = new Int32Array(buffer, base, RING_CONTROL_BYTES / 4);
  return (Atomics.load(control, TAIL) - Atomics.load(control, REAPED)) >>> 0;
}

function align8(bytes: number): number {
  return (bytes + 7) & ~7;
}

function align64(bytes: number): number {
  return (bytes + 63) & ~63;
}
