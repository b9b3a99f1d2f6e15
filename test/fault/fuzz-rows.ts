/** Spans in comparable form: from a half of the head, and from what protobuf-es decodes. */

import {
  HALF_DURATION,
  HALF_KIND,
  HALF_NAME,
  HALF_SPAN_ID,
  HALF_START,
  HALF_TRACE,
  HALF_TRACE_ID,
} from "../../native/src/layout.ts";
import { HalfView } from "../../src/head/half-view.ts";
import type { SpanRow } from "../../src/model/span-row.ts";
import type { Trace } from "../../src/proto-gen/tempopb/tempo_pb.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Ids, name, kind, start and duration of rows [from, to). */
export function rowsOf(buffer: SharedArrayBuffer, half: number, range: [number, number]) {
  const view = new HalfView(buffer, half);
  const rows: string[] = [];
  for (let row = range[0]; row < range[1]; row++) {
    const traceId = view.slice(HALF_TRACE_ID, view.element(HALF_TRACE, row), 16);
    const spanId = view.slice(HALF_SPAN_ID, row, 8);
    const name = hex(view.entry(view.element(HALF_NAME, row)));
    const start = view.data.getBigUint64(view.header(HALF_START) + row * 8, true);
    const duration = view.data.getBigInt64(view.header(HALF_DURATION) + row * 8, true);
    const kind = view.bytes[view.header(HALF_KIND) + row];
    rows.push([hex(traceId), hex(spanId), name, kind, start, duration].join(" "));
  }
  return rows;
}

/** The same of a decoded request (a Trace has the same fields), in the order of the wire. */
export function rowsSent(request: Trace): string[] {
  const spans = request.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(spansOf));
  return spans.map((span) => {
    const start = span.startTimeUnixNano;
    const duration = BigInt.asIntN(64, span.endTimeUnixNano - start);
    const kind = span.kind >= 0 && span.kind < 128 ? span.kind : 0;
    const name = Buffer.from(span.name).toString("hex");
    return [hex(span.traceId), hex(span.spanId), name, kind, start, duration].join(" ");
  });
}

const spansOf = ({ spans }: Trace["resourceSpans"][0]["scopeSpans"][0]) => spans;

/** All of a row, as text. */
export function describeRow(row: SpanRow): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === "bigint") return value.toString();
    return value instanceof Uint8Array ? hex(value) : value;
  });
}
