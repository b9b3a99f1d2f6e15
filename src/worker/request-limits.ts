/**
 * The limits of a tenant that have to do with what is in a request, between its validation and the
 * log: attributes are cut, and spans over a limit leave the request where it lies in the ring. So
 * the log and the head get what was kept, and replay needs no limits.
 *
 * A request of a tenant without such limits does not come here. How many bytes a second a tenant
 * may send is the receivers' to ask (receive/rate-limit.ts).
 *
 * Threads: ingest only.
 */
import type { Clock } from "../base/clock.ts";
import type { LimitExports, WriteExports } from "../kernel/kernel.ts";
import { RESULT_SCRATCH } from "../ring/control.ts";
import type { Slot } from "../ring/ring.ts";
import { LiveTraces, type LiveTracesOptions, type TraceTable } from "./live-traces.ts";

/** Orders of a request, as bits: its tenant has limits; whoever sent it asks what was refused. */
export const HAS_LIMITS = 1;
export const TELLS_REFUSED = 2;

/** By what has the attribute, as CutAttributes. */
export const CUT_COUNTERS = 5;
const CUT = RESULT_SCRATCH + 128;
/** Words of an entry of listSpans(). */
const ENTRY_WORDS = 6;

/** A request that was found good. */
export interface LimitedRequest extends Slot {
  /** Those that are not rejected. */
  spans: number;
  overLimit: number;
  traceTooLarge: number;
  liveTraces: number;
  readonly cut: Uint32Array;
}

export interface RequestLimitsOptions extends LiveTracesOptions {
  readonly kernel: LimitExports & Pick<WriteExports, "validate">;
  readonly buffer: SharedArrayBuffer;
  readonly clock: Clock;
}

export class RequestLimits {
  readonly #kernel: RequestLimitsOptions["kernel"];
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #clock: Clock;
  readonly #traces: LiveTraces;

  constructor(options: RequestLimitsOptions) {
    this.#kernel = options.kernel;
    this.#words = new Uint32Array(options.buffer);
    this.#bytes = new Uint8Array(options.buffer);
    this.#clock = options.clock;
    this.#traces = new LiveTraces(options);
  }

  /**
   * Right after validate() and before anything else of the kernel. Returns the payload's length,
   * which is shorter when something was cut or left out.
   */
  apply(request: LimitedRequest): number {
    const [attributeBytesMax, attributeKeysMax, traceBytesMax, liveTracesMax] = this.#limits(
      request.limits,
    );
    const { payload } = request;
    let length = request.payloadBytes;
    if (attributeBytesMax > 0) {
      this.#words.fill(0, CUT >>> 2, (CUT >>> 2) + CUT_COUNTERS);
      length = this.#kernel.rewrite(payload, length, attributeBytesMax, 0, CUT) >>> 0;
      request.cut.set(this.#words.subarray(CUT >>> 2, (CUT >>> 2) + CUT_COUNTERS));
    }
    if (attributeKeysMax + traceBytesMax + liveTracesMax === 0) return length;
    const listed = this.#kernel.listSpans(payload, length, attributeKeysMax) >>> 0;
    request.overLimit += this.#kernel.overAttributes() >>> 0;
    if (traceBytesMax + liveTracesMax > 0) {
      this.#takeTraces(request, listed, { traceBytesMax, liveTracesMax });
    }
    const refused = request.spans - listed + request.traceTooLarge + request.liveTraces;
    if (refused === 0) return length;
    request.spans -= refused;
    return this.#kernel.rewrite(payload, length, 0, 1, CUT) >>> 0;
  }

  /** The request could not be kept after all: its spans do not count. */
  giveBack(request: LimitedRequest): void {
    const [, , traceBytesMax, liveTracesMax] = this.#limits(request.limits);
    if (traceBytesMax + liveTracesMax === 0) return;
    this.#kernel.validate(request.payload, request.payloadBytes, RESULT_SCRATCH);
    const listed = this.#kernel.listSpans(request.payload, request.payloadBytes, 0) >>> 0;
    const table = this.#tableOf(request, this.#clock.nowMs());
    this.#eachListed(listed, (span) => table.giveBack(span));
  }

  /** Bits of the spans that were refused, `count` in all, validated last. */
  refusedBits(count: number): Uint8Array {
    const bits = new Uint8Array(Math.ceil(count / 8));
    for (let ordinal = 0; ordinal < count; ordinal++) {
      if (this.#kernel.isRejected(ordinal) !== 0) bits[ordinal >> 3] |= 1 << (ordinal & 7);
    }
    return bits;
  }

  #takeTraces(
    request: LimitedRequest,
    listed: number,
    limits: { readonly traceBytesMax: number; readonly liveTracesMax: number },
  ): void {
    const nowMs = this.#clock.nowMs();
    const table = this.#tableOf(request, nowMs);
    this.#eachListed(listed, (span) => {
      const fault = table.take(span, limits, nowMs);
      if (fault === "none") return;
      if (fault === "too_large") request.traceTooLarge += 1;
      else request.liveTraces += 1;
      this.#kernel.rejectSpan(span.ordinal);
    });
  }

  #eachListed(
    listed: number,
    visit: (span: { words: Uint32Array; at: number; ordinal: number; bytes: number }) => void,
  ): void {
    const words = this.#words;
    const first = (this.#kernel.spanListAt() >>> 0) / 4;
    const span = { words, at: 0, ordinal: 0, bytes: 0 };
    for (let i = 0; i < listed; i++) {
      span.at = first + i * ENTRY_WORDS;
      span.ordinal = words[span.at + 4];
      span.bytes = words[span.at + 5];
      visit(span);
    }
  }

  #tableOf({ tenant, tenantBytes }: LimitedRequest, nowMs: number): TraceTable {
    const name = Buffer.from(this.#bytes.subarray(tenant, tenant + tenantBytes));
    return this.#traces.of(name.toString("latin1"), nowMs);
  }

  #limits(at: number): Uint32Array {
    return this.#words.subarray(at >>> 2, (at >>> 2) + 4);
  }
}
