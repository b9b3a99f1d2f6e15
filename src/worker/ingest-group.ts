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
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import type { WriteExports } from "../kernel/kernel.ts";
import { RESULT_SCRATCH } from "../ring/control.ts";
import type { Ring, Slot } from "../ring/ring.ts";

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
export interface Member extends Slot {
  ring: number;
  code: number;
  spans: number;
  badTraceId: number;
  badSpanId: number;
  badUtf8: number;
  overLimit: number;
}

export interface IngestGroupOptions {
  readonly kernel: WriteExports;
  readonly buffer: SharedArrayBuffer;
  readonly rings: readonly Ring[];
}

export class IngestGroup {
  readonly #kernel: WriteExports;
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
    member.spans = word(RESULT_SPANS) - rejectedOf(member);
    if (code !== OK || member.spans === 0) return code;
    if (refuse) return OVERLOADED;
    for (const field of SUMMED) this.#words[(GROUP_RESULT + field) >>> 2] += word(field);
    const fit = this.#kernel.room(GROUP_RESULT, this.#payloadBytes + payloadBytes);
    if (fit === 1) return OK;
    for (const field of SUMMED) this.#words[(GROUP_RESULT + field) >>> 2] -= word(field);
    if (this.#kernel.room(RESULT_SCRATCH, payloadBytes) === 2) return TOO_LARGE;
    this.#needsHalf = true;
    return OK;
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

  /** Answers all members; those that should have been stored get `code` when it is not OK. */
  answer(code: number): void {
    const last = new Array<number>(this.#rings.length).fill(-1);
    for (let i = 0; i < this.#length; i++) {
      const member = this.#pool[i];
      const outcome = member.code === OK && member.spans > 0 ? code : member.code;
      const at = member.result >>> 2;
      this.#words[at] = outcome;
      this.#words[at + 1] = outcome === OK ? member.spans : 0;
      this.#words[at + 2] = member.badTraceId;
      this.#words[at + 3] = member.badSpanId;
      this.#words[at + 4] = member.badUtf8;
      this.#words[at + 5] = member.overLimit;
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
    };
    return this.#pool[index];
  }
}

function rejectedOf(member: Member): number {
  return member.badTraceId + member.badSpanId + member.badUtf8 + member.overLimit;
}
