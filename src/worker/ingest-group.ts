/**
 * One group of requests on its way from the rings to the answer:
 *
 *   collect (validate, is there room?) ─▶ log, one write and one sync ─▶ decode ─▶ answer
 *
 * A group is whatever lies in the rings when the last group is done: that is the natural group
 * commit. Nothing is decoded before the log has it, so what a reader sees is durable, and nothing
 * is logged that the head has no room for, so what is durable can always be decoded.
 *
 * Threads: ingest only.
 */

import {
  OK,
  OVERLOADED,
  RESULT_ATTRIBUTES,
  RESULT_BAD_SPAN_ID,
  RESULT_BAD_TRACE_ID,
  RESULT_BAD_UTF8,
  RESULT_BYTES,
  RESULT_EVENTS,
  RESULT_LINKS,
  RESULT_OVER_LIMIT,
  RESULT_SPANS,
  RESULT_STRINGS,
  TOO_LARGE,
  TOO_MANY_TRACES,
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import type { WriteExports } from "../kernel/kernel.ts";
import { RESULT_SCRATCH } from "../ring/control.ts";
import type { Ring } from "../ring/ring.ts";
import { setPayloadBytes } from "../wal/wal-format.ts";
import {
  CUT_COUNTERS,
  HAS_LIMITS,
  type LimitedRequest,
  type RequestLimits,
  TELLS_REFUSED,
} from "./request-limits.ts";

/** A group above this is decoded before more is taken, so that its first clients need not wait. */
const GROUP_BYTES_MAX = 8 * MiB;
/** The kernel's limit of buffers in one write is 1,024. */
const GROUP_REQUESTS_MAX = 512;

/** Sums of what a group needs, in the same words as the result of one request. */
const GROUP_RESULT = RESULT_SCRATCH + RESULT_BYTES;
const SUMMED = [
  RESULT_SPANS,
  RESULT_ATTRIBUTES,
  RESULT_EVENTS,
  RESULT_LINKS,
  RESULT_STRINGS,
] as const;

/** A request of the group. `code` is OK for those that go on to the log and the head. */
export interface Member extends LimitedRequest {
  ring: number;
  code: number;
  badTraceId: number;
  badSpanId: number;
  badUtf8: number;
  /** A bit for each span that was sent, where they are asked for and some were refused. */
  refusedBits: Uint8Array | undefined;
}

/** Words of an answer: ring-sink.ts reads them. */
export const ANSWER_CUT = 8;
export const ANSWER_BITS_AT = 13;
export const ANSWER_BITS_BYTES = 14;

export interface IngestGroupOptions {
  readonly kernel: WriteExports;
  readonly buffer: SharedArrayBuffer;
  readonly rings: readonly Ring[];
  readonly limits: RequestLimits;
}

export class IngestGroup {
  readonly #kernel: WriteExports;
  readonly #limits: RequestLimits;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #rings: readonly Ring[];
  readonly #pool: Member[] = [];
  readonly #records: Uint8Array[] = [];
  #length = 0;
  #payloadBytes = 0;
  /** The next request did not fit into the half as it is. */
  #needsHalf = false;

  constructor(options: IngestGroupOptions) {
    this.#kernel = options.kernel;
    this.#limits = options.limits;
    this.#view = new DataView(options.buffer);
    this.#words = new Uint32Array(options.buffer);
    this.#bytes = new Uint8Array(options.buffer);
    this.#rings = options.rings;
  }

  get length(): number {
    return this.#length;
  }

  get needsHalf(): boolean {
    return this.#needsHalf;
  }

  /** Records of the members that go to the log, as they lie in the rings. */
  get records(): readonly Uint8Array[] {
    return this.#records;
  }

  /**
   * Takes what the rings hold and the half has room for. With `refuse` there is no half:
   * well-formed requests get OVERLOADED.
   */
  collect(refuse: boolean): void {
    this.#length = 0;
    this.#payloadBytes = 0;
    this.#records.length = 0;
    this.#needsHalf = false;
    for (const field of SUMMED) this.#words[(GROUP_RESULT + field) >>> 2] = 0;
    for (let ring = 0; ring < this.#rings.length; ring++) this.#collectFrom(ring, refuse);
  }

  #collectFrom(index: number, refuse: boolean): void {
    const ring = this.#rings[index];
    let at = ring.done;
    while (this.#length < GROUP_REQUESTS_MAX && this.#payloadBytes < GROUP_BYTES_MAX) {
      const member = this.#member(this.#length);
      if (!ring.peek(at, member)) return;
      member.ring = index;
      member.code = this.#judge(member, refuse);
      if (this.#needsHalf) return;
      at = member.next;
      this.#length += 1;
      if (member.code !== OK || member.spans === 0) continue;
      this.#payloadBytes += member.payloadBytes;
      this.#records.push(this.#bytes.subarray(member.record, member.record + member.recordBytes));
    }
  }

  /** Validates a request and looks for room beside those that are in the group already. */
  #judge(member: Member, refuse: boolean): number {
    const { payload, payloadBytes } = member;
    const code = this.#kernel.validate(payload, payloadBytes, RESULT_SCRATCH);
    const word = (field: number) => this.#words[(RESULT_SCRATCH + field) >>> 2];
    member.badTraceId = word(RESULT_BAD_TRACE_ID);
    member.badSpanId = word(RESULT_BAD_SPAN_ID);
    member.badUtf8 = word(RESULT_BAD_UTF8);
    member.overLimit = word(RESULT_OVER_LIMIT);
    member.traceTooLarge = 0;
    member.liveTraces = 0;
    member.cut.fill(0);
    member.refusedBits = undefined;
    member.spans = word(RESULT_SPANS) - rejectedOf(member);
    if (member.spans === 0 || code !== OK) {
      this.#noteRefused(member, word(RESULT_SPANS));
      return code;
    }
    if (refuse) return OVERLOADED;
    for (const field of SUMMED) this.#words[(GROUP_RESULT + field) >>> 2] += word(field);
    const fit = this.#kernel.room(GROUP_RESULT, this.#payloadBytes + payloadBytes);
    if (fit === 1) return member.orders === 0 ? OK : this.#limit(member, word(RESULT_SPANS));
    for (const field of SUMMED) this.#words[(GROUP_RESULT + field) >>> 2] -= word(field);
    if (this.#kernel.room(RESULT_SCRATCH, payloadBytes) === 2) return TOO_LARGE;
    this.#needsHalf = true;
    return OK;
  }

  /** The request has room: now the limits of its tenant, which make it need no more. */
  #limit(member: Member, spansSent: number): number {
    if ((member.orders & HAS_LIMITS) !== 0) {
      const length = this.#limits.apply(member);
      if (length !== member.payloadBytes) {
        this.#rings[member.ring].shorten(member, length);
        setPayloadBytes(this.#view, member.record, length);
      }
    }
    this.#noteRefused(member, spansSent);
    return member.spans === 0 && member.liveTraces > 0 ? TOO_MANY_TRACES : OK;
  }

  #noteRefused(member: Member, spansSent: number): void {
    const isAsked = (member.orders & TELLS_REFUSED) !== 0 && rejectedOf(member) > 0;
    member.refusedBits = isAsked ? this.#limits.refusedBits(spansSent) : undefined;
  }

  /** Decodes the members that the log has; `onTrap` hears of the record that trapped. */
  decode(onTrap: (member: Member, error: unknown) => void): number {
    let spans = 0;
    for (let i = 0; i < this.#length; i++) {
      const member = this.#pool[i];
      if (member.code !== OK || member.spans === 0) continue;
      try {
        this.#decodeOne(member);
      } catch (error) {
        onTrap(member, error);
      }
      spans += member.spans;
    }
    this.#kernel.commit();
    return spans;
  }

  /** The bitmap of rejected spans is that of the request validated last: made anew if need be. */
  #decodeOne(member: Member): void {
    const { payload, payloadBytes, tenant, tenantBytes } = member;
    const rejects = rejectedOf(member) > 0;
    if (rejects) {
      const code = this.#kernel.validate(payload, payloadBytes, RESULT_SCRATCH);
      assert(code === OK, "ingest: a request changed while it lay in the ring");
    }
    this.#kernel.decode(payload, payloadBytes, tenant, tenantBytes, rejects ? 1 : 0);
  }

  /** Words and bytes for whoever sent it; the payload is no longer needed. */
  #answerOne(member: Member, outcome: number): void {
    const at = member.result >>> 2;
    this.#words[at] = outcome;
    this.#words[at + 1] = outcome === OK ? member.spans : 0;
    this.#words[at + 2] = member.badTraceId;
    this.#words[at + 3] = member.badSpanId;
    this.#words[at + 4] = member.badUtf8;
    this.#words[at + 5] = member.overLimit;
    this.#words[at + 6] = member.traceTooLarge;
    this.#words[at + 7] = member.liveTraces;
    this.#words.set(member.cut, at + ANSWER_CUT);
    const { refusedBits } = member;
    this.#words[at + ANSWER_BITS_AT] = member.payload;
    this.#words[at + ANSWER_BITS_BYTES] = refusedBits?.byteLength ?? 0;
    // Eight spans have more bytes than one.
    if (refusedBits !== undefined) this.#bytes.set(refusedBits, member.payload);
  }

  /** Answers all members; those that should have been stored get `code` when it is not OK. */
  answer(code: number): void {
    const last = new Array<number>(this.#rings.length).fill(-1);
    for (let i = 0; i < this.#length; i++) {
      const member = this.#pool[i];
      const isKept = member.code === OK && member.spans > 0;
      if (isKept && code !== OK && (member.orders & HAS_LIMITS) !== 0) {
        this.#limits.giveBack(member);
      }
      this.#answerOne(member, isKept ? code : member.code);
      last[member.ring] = member.next;
    }
    for (let ring = 0; ring < last.length; ring++) {
      if (last[ring] >= 0) this.#rings[ring].finish(last[ring]);
    }
    this.#length = 0;
  }

  #member(index: number): Member {
    this.#pool[index] ??= {
      next: 0,
      orders: 0,
      limits: 0,
      result: 0,
      record: 0,
      recordBytes: 0,
      tenant: 0,
      tenantBytes: 0,
      payload: 0,
      payloadBytes: 0,
      ring: 0,
      code: 0,
      spans: 0,
      badTraceId: 0,
      badSpanId: 0,
      badUtf8: 0,
      overLimit: 0,
      traceTooLarge: 0,
      liveTraces: 0,
      cut: new Uint32Array(CUT_COUNTERS),
      refusedBits: undefined,
    };
    return this.#pool[index];
  }
}

function rejectedOf(member: Member): number {
  const { badTraceId, badSpanId, badUtf8, overLimit, traceTooLarge, liveTraces } = member;
  return badTraceId + badSpanId + badUtf8 + overLimit + traceTooLarge + liveTraces;
}
