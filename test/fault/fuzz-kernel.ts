/**
 * The real kernel on memory that is watched: what it may not touch is compared after each request.
 *
 *   guard · result, tenant · guard · request · guard · scratch · guard · half · guard · cut scratch
 *
 * Checked after each request: guards and request bytes are as they were; what was committed before
 * still is, byte for byte; what lies behind the capacity of each array is untouched.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  HALF_ARENA,
  HALF_ARENA_POS,
  HALF_DURATION,
  HALF_ENTRY,
  HALF_EVENT_NAME,
  HALF_EVENT_ORDER,
  HALF_EVENT_ROW,
  HALF_EVENT_TIME,
  HALF_EVENTS,
  HALF_FLAGS,
  HALF_KEY,
  HALF_KEYS,
  HALF_KIND,
  HALF_LINK_ORDER,
  HALF_LINK_ROW,
  HALF_LINK_SPAN_ID,
  HALF_LINK_TRACE_ID,
  HALF_LINKS,
  HALF_NAME,
  HALF_ORDER,
  HALF_PARENT_ID,
  HALF_RESOURCE,
  HALF_ROWS,
  HALF_SCOPE,
  HALF_SPAN_ID,
  HALF_START,
  HALF_STATUS,
  HALF_STRINGS,
  HALF_TRACE,
  HALF_TRACE_ID,
  HALF_TRACE_TENANT,
  HALF_TRACES,
  KEYS_MAX,
  OK,
  RESULT_BAD_SPAN_ID,
  RESULT_BAD_TRACE_ID,
  RESULT_BAD_UTF8,
  RESULT_BYTES,
  RESULT_OVER_LIMIT,
  RESULT_SPANS,
} from "../../native/src/layout.ts";
import { MiB } from "../../src/base/bytes.ts";
import { instantiate, type Kernel, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import { ROOT } from "../support/checkout.ts";

const GUARD_BYTES = 4096;
const RESULT_AT = 65_536;
const TENANT_AT = RESULT_AT + 4096;
const REQUEST_AT = MiB;
export const REQUEST_BYTES_MAX = 2 * MiB;
const SCRATCH_AT = REQUEST_AT + REQUEST_BYTES_MAX + 2 * GUARD_BYTES;
const HALF_BYTES = 40 * MiB;
const CUT_SCRATCH_BYTES = 128 * MiB;
const ROW_CAP = 1024;
const CHILD_CAP = 4096;
const STRING_CAP = 32_768;
/** Room for the largest request two and a half times. */
const ARENA_BYTES = 6 * MiB;
const PATTERN = 0xa5;
/** Copies may run over an array's end by so much. */
const OVERRUN_BYTES = 16;
/** Unused bytes behind each array. */
const PADDING_BYTES = 64;
export const TENANT = "fuzz";

/** Arrays of the half that are only appended to: address field, count field, width, capacity. */
const ARRAYS: readonly (readonly [field: number, count: number, width: number, cap: number])[] = [
  ...[HALF_TRACE, HALF_NAME, HALF_RESOURCE, HALF_SCOPE, HALF_FLAGS, HALF_ORDER].map(
    (field) => [field, HALF_ROWS, 4, ROW_CAP] as const,
  ),
  ...[HALF_SPAN_ID, HALF_PARENT_ID, HALF_START, HALF_DURATION].map(
    (field) => [field, HALF_ROWS, 8, ROW_CAP] as const,
  ),
  [HALF_KIND, HALF_ROWS, 1, ROW_CAP],
  [HALF_STATUS, HALF_ROWS, 1, ROW_CAP],
  [HALF_TRACE_ID, HALF_TRACES, 16, ROW_CAP],
  [HALF_TRACE_TENANT, HALF_TRACES, 4, ROW_CAP],
  [HALF_EVENT_ROW, HALF_EVENTS, 4, CHILD_CAP],
  [HALF_EVENT_TIME, HALF_EVENTS, 8, CHILD_CAP],
  [HALF_EVENT_NAME, HALF_EVENTS, 4, CHILD_CAP],
  [HALF_EVENT_ORDER, HALF_EVENTS, 4, CHILD_CAP],
  [HALF_LINK_ROW, HALF_LINKS, 4, CHILD_CAP],
  [HALF_LINK_TRACE_ID, HALF_LINKS, 16, CHILD_CAP],
  [HALF_LINK_SPAN_ID, HALF_LINKS, 8, CHILD_CAP],
  [HALF_LINK_ORDER, HALF_LINKS, 4, CHILD_CAP],
  [HALF_ENTRY, HALF_STRINGS, 8, STRING_CAP],
  [HALF_KEY, HALF_KEYS, 16, KEYS_MAX],
];

export interface Taken {
  readonly code: number;
  readonly spans: number;
  readonly rejected: number;
  /** What room() said; undefined when it was not asked. */
  readonly room: number | undefined;
  /** Rows that it added. */
  readonly from: number;
  readonly to: number;
}

export class FuzzKernel {
  readonly kernel: Kernel;
  readonly buffer: SharedArrayBuffer;
  readonly half: number;
  readonly cutScratch: number;
  readonly cutScratchEnd: number;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #guards: readonly number[];
  readonly #pattern = Buffer.alloc(GUARD_BYTES, PATTERN);
  /** As the committed part of the half was when it was last looked at. */
  readonly #shadow = Buffer.alloc(HALF_BYTES);
  readonly #seen = new Map<number, number>();

  constructor() {
    const path = join(ROOT, "native", "build", "kernel.wasm");
    const memory = makeMemory(SCRATCH_AT + HALF_BYTES + CUT_SCRATCH_BYTES + 16 * MiB);
    this.kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
    this.buffer = sharedBuffer(memory);
    this.#bytes = Buffer.from(this.buffer);
    this.#view = new DataView(this.buffer);
    const scratchBytes = align(this.kernel.scratchBytes(REQUEST_BYTES_MAX));
    this.half = SCRATCH_AT + scratchBytes + GUARD_BYTES;
    const halfEnd = this.half + HALF_BYTES;
    this.cutScratch = halfEnd + GUARD_BYTES;
    this.cutScratchEnd = this.cutScratch + CUT_SCRATCH_BYTES;
    this.kernel.initScratch(SCRATCH_AT, REQUEST_BYTES_MAX);
    this.kernel.setSeed(1, 2);
    this.kernel.initHalf(
      ...([this.half, halfEnd, ROW_CAP, CHILD_CAP, CHILD_CAP, STRING_CAP, ARENA_BYTES] as const),
    );
    for (const [field, , width, cap] of ARRAYS) {
      const end = this.#word(field) + width * cap;
      this.#bytes.fill(PATTERN, end + OVERRUN_BYTES, end + PADDING_BYTES);
    }
    this.#bytes.set(new TextEncoder().encode(TENANT), TENANT_AT);
    this.#guards = [
      RESULT_AT - GUARD_BYTES,
      RESULT_AT + RESULT_BYTES,
      REQUEST_AT - GUARD_BYTES,
      SCRATCH_AT - GUARD_BYTES,
      SCRATCH_AT + scratchBytes,
      halfEnd,
    ];
    this.#guards.forEach((at, i) => {
      const end = i === 1 ? TENANT_AT : at + GUARD_BYTES;
      this.#bytes.fill(PATTERN, at, end);
    });
    this.begin();
  }

  get rows(): number {
    return this.#word(HALF_ROWS);
  }

  get arenaBytes(): number {
    return this.#word(HALF_ARENA_POS) - this.#word(HALF_ARENA);
  }

  /** Makes the half empty. */
  begin(): void {
    this.kernel.resetHalf(this.half);
    this.#seen.clear();
    this.#look();
  }

  /** As ingest takes a request. `behind` lies in memory right after it. */
  take(request: Uint8Array, behind: Uint8Array): Taken {
    this.#bytes.set(request, REQUEST_AT);
    this.#bytes.set(behind, REQUEST_AT + request.length);
    const from = this.rows;
    const code = this.kernel.validate(REQUEST_AT, request.length, RESULT_AT);
    const word = (field: number) => this.#view.getUint32(RESULT_AT + field, true);
    const fields = [RESULT_BAD_TRACE_ID, RESULT_BAD_SPAN_ID, RESULT_BAD_UTF8, RESULT_OVER_LIMIT];
    const rejected = fields.reduce((sum, field) => sum + word(field), 0);
    const spans = word(RESULT_SPANS);
    let room: number | undefined;
    if (code === OK && spans > rejected) {
      room = this.kernel.room(RESULT_AT, request.length);
      if (room === 1) this.#decode(request.length, rejected);
    }
    if (this.#bytes.compare(request, 0, request.length, REQUEST_AT, REQUEST_AT + request.length)) {
      throw new Error("the request's bytes were written to");
    }
    return { code, spans, rejected, room, from, to: this.rows };
  }

  #decode(length: number, rejected: number): void {
    this.kernel.decode(REQUEST_AT, length, TENANT_AT, TENANT.length, rejected > 0 ? 1 : 0);
    this.kernel.commit();
  }

  /** Throws when memory was written to that was not free. */
  check(): void {
    this.#guards.forEach((at, i) => {
      const end = i === 1 ? TENANT_AT : at + GUARD_BYTES;
      if (this.#bytes.compare(this.#pattern, 0, end - at, at, end) !== 0) {
        throw new Error(`guard ${i} was written to`);
      }
    });
    for (const [field, bytes] of this.#seen) {
      const at = this.#word(field);
      const kept = at - this.half;
      if (this.#bytes.compare(this.#shadow, kept, kept + bytes, at, at + bytes) !== 0) {
        throw new Error(`committed bytes of the array at ${field} changed`);
      }
    }
    this.#look();
  }

  /** Throws when an array was written to behind its capacity. */
  checkCapacities(): void {
    for (const [field, , width, cap] of ARRAYS) {
      const from = this.#word(field) + width * cap + OVERRUN_BYTES;
      const end = this.#word(field) + width * cap + PADDING_BYTES;
      if (this.#bytes.compare(this.#pattern, 0, end - from, from, end) !== 0) {
        throw new Error(`the array at ${field} was written to behind its capacity`);
      }
    }
  }

  #look(): void {
    const note = (field: number, bytes: number) => {
      const at = this.#word(field);
      const seen = this.#seen.get(field) ?? 0;
      this.#bytes.copy(this.#shadow, at + seen - this.half, at + seen, at + bytes);
      this.#seen.set(field, bytes);
    };
    for (const [field, count, width, cap] of ARRAYS) {
      if (this.#word(count) > cap) throw new Error(`the count at ${count} is over its capacity`);
      note(field, this.#word(count) * width);
    }
    note(HALF_ARENA, this.arenaBytes);
  }

  #word(field: number): number {
    return this.#view.getUint32(this.half + field, true);
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / 4096) * 4096;
}
