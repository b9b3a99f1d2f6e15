/** Attributes by the thousand into a kernel, and the columns that they were given. */
import {
  COL_ATTRIBUTE_FIRST,
  COLUMN_COUNT,
  COLUMN_KEY,
  HALF_COLUMNS,
} from "../../native/src/layout.ts";
import { HalfView } from "../../src/head/half-view.ts";
import type { HeadKernel } from "../support/head-kernel.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentAttributes } from "../support/sent-span.ts";

const utf8 = new TextDecoder();
const DIGITS = 8;
const KEYS_OF_SPAN = 100;
const SPANS_OF_REQUEST = 100;

/** Values in each attribute column of a half, by key, in the order of the columns. */
export function columnCounts(buffer: SharedArrayBuffer, half: number): Map<string, number> {
  const view = new HalfView(buffer, half);
  const counts = new Map<string, number>();
  for (let index = COL_ATTRIBUTE_FIRST; index < view.header(HALF_COLUMNS); index++) {
    const at = view.column(index);
    const key = utf8.decode(view.key(view.word(at + COLUMN_KEY)).slice());
    counts.set(key, (counts.get(key) ?? 0) + view.word(at + COLUMN_COUNT));
  }
  return counts;
}

/** A request of spans that all have these attributes. */
export function spansWith(keys: readonly string[], spans: number): Uint8Array {
  const attributes = keys.map((key) => [key, ["string", "v"]] as const);
  return spansOf(attributes, spans);
}

export function spansOf(attributes: SentAttributes, spans: number): Uint8Array {
  return requestOf(
    Array.from({ length: spans }, (_, i) =>
      spanOf({ traceId: "d", spanId: (i + 1).toString(16), name: "dense", attributes }),
    ),
  );
}

/** Adds spans with `keys` attributes in all, a multiple of 10,000, of which each key comes once. */
export function flood(kernel: HeadKernel, keys: number, from = 0): void {
  const placeholder = `flood-${"0".repeat(DIGITS)}`;
  const request = Buffer.from(
    spansWith(
      Array.from({ length: KEYS_OF_SPAN }, () => placeholder),
      SPANS_OF_REQUEST,
    ),
  );
  const places: number[] = [];
  for (let at = request.indexOf(placeholder); at >= 0; at = request.indexOf(placeholder, at + 1)) {
    places.push(at + placeholder.length - DIGITS);
  }
  for (let sent = 0; sent < keys; sent += places.length) {
    for (const [i, at] of places.entries()) {
      request.write(String(from + sent + i).padStart(DIGITS, "0"), at, "latin1");
    }
    kernel.add(request, "flood");
  }
}

/** As at a cut: the half is made empty and begins with its densest columns. */
export function turnOver({ kernel, half }: HeadKernel): void {
  kernel.rankColumns();
  kernel.resetHalf(half);
  kernel.carryColumns();
}
