/**
 * The spans of one trace out of a half of the head, while it may be written to.
 *
 * Invariant: nothing is read but what rows below the committed count refer to, and never a hash
 * table. The caller has the half pinned until the last row is used: rows are views on it.
 *
 * Threads: any reader, with its own kernel instance and scratch.
 */
import {
  COL_DROPPED_ATTRIBUTES,
  COL_DROPPED_EVENTS,
  COL_DROPPED_LINKS,
  COL_RAW,
  COL_RESIDUAL,
  COL_STATUS_MESSAGE,
  COL_TRACE_STATE,
  HALF_DURATION,
  HALF_FLAGS,
  HALF_KIND,
  HALF_NAME,
  HALF_ORDER,
  HALF_PARENT_ID,
  HALF_RESOURCE,
  HALF_SCOPE,
  HALF_SPAN_ID,
  HALF_START,
  HALF_STATUS,
  NO_ROW,
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { FindExports } from "../kernel/find-kernel.ts";
import type { SourceMessage, SpanRow } from "../model/span-row.ts";
import { HalfView } from "./half-view.ts";
import { HeadAttributes } from "./head-attributes.ts";
import { HeadChildren } from "./head-children.ts";

export interface HeadRowsOptions {
  readonly buffer: SharedArrayBuffer;
  readonly kernel: FindExports;
  /** Address of the half. */
  readonly half: number;
  /** Address of SCRATCH_BYTES that only this thread uses. */
  readonly scratch: number;
  readonly tenant: string;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
}

const TRACE_ID_BYTES = 16;
/** Any tenant's name: 150 ASCII characters are allowed, and the rest is room. */
const TENANT_BYTES_MAX = 1024;
const ROWS_AT = TRACE_ID_BYTES + TENANT_BYTES_MAX;
/** Row numbers that are looked up at a time. */
const BATCH = 4096;
/** What headRows needs behind `scratch`. */
export const SCRATCH_BYTES = ROWS_AT + BATCH * 4;

/**
 * Rows of the trace in the order of their arrival, each made when it is asked for: a trace may be
 * as large as the half. A row is valid as long as the half is pinned.
 */
export function* headRows(options: HeadRowsOptions): Generator<SpanRow> {
  const view = new HalfView(options.buffer, options.half);
  const trace = find(view, options);
  if (trace === NO_ROW) return;
  const reader = new RowReader(view);
  const out = options.scratch + ROWS_AT;
  for (let from = 0; ; ) {
    const { half, kernel } = options;
    const count = kernel.findRows(half, trace, from, view.rows, out, BATCH) >>> 0;
    const rows = Uint32Array.from({ length: count }, (_, i) => view.word(out + i * 4));
    for (const row of rows) yield reader.read(row);
    if (count < BATCH) return;
    from = rows[BATCH - 1] + 1;
  }
}

function find(view: HalfView, options: HeadRowsOptions): number {
  const { half, kernel, scratch, traceId } = options;
  assert(traceId.length === TRACE_ID_BYTES, "head: a trace id has 16 bytes");
  const tenant = new TextEncoder().encode(options.tenant);
  if (view.rows === 0 || tenant.length > TENANT_BYTES_MAX) return NO_ROW;
  view.bytes.set(traceId, scratch);
  view.bytes.set(tenant, scratch + TRACE_ID_BYTES);
  return kernel.findTrace(half, scratch + TRACE_ID_BYTES, tenant.length, scratch, 0) >>> 0;
}

/** Reads ascending rows. */
class RowReader {
  readonly #view: HalfView;
  readonly #attributes: HeadAttributes;
  readonly #children: HeadChildren;
  readonly #sources = new Map<number, SourceMessage>();

  constructor(view: HalfView) {
    this.#view = view;
    this.#attributes = new HeadAttributes(view, COL_RESIDUAL);
    this.#children = new HeadChildren(view);
  }

  read(row: number): SpanRow {
    const view = this.#view;
    const attributes = this.#attributes;
    const parent = view.slice(HALF_PARENT_ID, row, 8);
    return {
      spanId: view.slice(HALF_SPAN_ID, row, 8),
      parentSpanId: parent.every((byte) => byte === 0) ? undefined : parent,
      traceState: attributes.text(COL_TRACE_STATE, row),
      name: view.entry(view.element(HALF_NAME, row)),
      kind: view.bytes[view.header(HALF_KIND) + row],
      startUnixNano: view.data.getBigUint64(view.header(HALF_START) + row * 8, true),
      durationNano: view.data.getBigInt64(view.header(HALF_DURATION) + row * 8, true),
      statusCode: view.bytes[view.header(HALF_STATUS) + row],
      statusMessage: attributes.text(COL_STATUS_MESSAGE, row),
      flags: view.element(HALF_FLAGS, row),
      droppedAttributes: attributes.count(COL_DROPPED_ATTRIBUTES, row),
      droppedEvents: attributes.count(COL_DROPPED_EVENTS, row),
      droppedLinks: attributes.count(COL_DROPPED_LINKS, row),
      attributes: attributes.read(row, view.element(HALF_ORDER, row)),
      events: this.#children.events(row),
      links: this.#children.links(row),
      otlp: attributes.bytes(COL_RAW, row),
      resource: this.#source(view.element(HALF_RESOURCE, row)),
      scope: this.#source(view.element(HALF_SCOPE, row)),
    };
  }

  /** An entry of eight bytes: the entries of the message and of its schema URL. */
  #source(entry: number): SourceMessage {
    const known = this.#sources.get(entry);
    if (known !== undefined) return known;
    const pair = this.#view.entry(entry);
    const word = (at: number) => this.#view.data.getUint32(pair.byteOffset + at, true);
    const source = {
      message: this.#view.entry(word(0)),
      schemaUrl: this.#view.entry(word(4)),
    };
    this.#sources.set(entry, source);
    return source;
  }
}
