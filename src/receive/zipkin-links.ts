/**
 * Links of a span, which the Collector's exporter to Zipkin makes tags:
 *
 *   otlp.link.0 = trace id|span id|trace state|attributes|how many were dropped
 *
 * A tag of that name whose value is anything else stays an attribute.
 */
import { hexInto } from "./bytes-of-text.ts";
import * as tag from "./otlp-tags.ts";
import { OtlpWriter } from "./otlp-write.ts";
import { type Text, textOf } from "./text.ts";
import { ZipkinPacked } from "./zipkin-packed.ts";
import { isZero, TAG_STRIDE, TAG_TEXT, type ZipkinSpan } from "./zipkin-span.ts";
import { LINK_TAG, linkNumber } from "./zipkin-tags.ts";

const BAR = 0x7c;
const TRACE_ID_DIGITS = 32;
const SPAN_ID_DIGITS = 16;
const TRACE_STATE_FROM = TRACE_ID_DIGITS + SPAN_ID_DIGITS + 2;

export class ZipkinLinks {
  readonly #out: OtlpWriter;
  readonly #packed = new ZipkinPacked();
  readonly #traceId: Text = { bytes: new Uint8Array(16), from: 0, to: 16 };
  readonly #spanId: Text = { bytes: new Uint8Array(8), from: 0, to: 8 };
  readonly #part: Text = textOf("");
  readonly #found: { readonly at: number; readonly number: number }[] = [];

  constructor(bytesMax: number) {
    this.#out = new OtlpWriter({ bytesMax, mendText: true });
  }

  /**
   * As fields of a span, in the order of their numbers: a view, valid until the next call. Tags
   * that are no links lose the meaning that was noted with them.
   */
  read(span: ZipkinSpan): Uint8Array {
    const { tags } = span;
    const found = this.#found;
    found.length = 0;
    this.#out.clear();
    for (let at = 0; at < span.tagsEnd; at += TAG_STRIDE) {
      if (tags[at + 5] !== LINK_TAG) continue;
      this.#move(span.bytes, tags[at + 1], tags[at + 2]);
      found.push({ at, number: linkNumber(this.#part) });
    }
    found.sort((a, b) => a.number - b.number);
    for (const { at } of found) if (!this.#write(span, at)) tags[at + 5] = 0;
    return this.#out.written();
  }

  #write({ bytes, tags }: ZipkinSpan, at: number): boolean {
    const out = this.#out;
    const packed = this.#packed;
    this.#move(bytes, tags[at + 3], tags[at + 4]);
    if (tags[at] !== TAG_TEXT || !packed.split(this.#part) || !this.#readIds(packed.head)) {
      return false;
    }
    const before = out.length;
    const begun = out.begin(tag.LINK, 1);
    out.bytes(tag.LINK_TRACE_ID, this.#traceId);
    out.bytes(tag.LINK_SPAN_ID, this.#spanId);
    const { from, to } = packed.head;
    this.#move(bytes, from + TRACE_STATE_FROM, to);
    if (this.#part.to > this.#part.from) out.text(tag.LINK_TRACE_STATE, this.#part);
    if (packed.writeRest(out, tag.LINK_ATTRIBUTE, tag.LINK_DROPPED)) {
      out.end(begun);
      return true;
    }
    out.cut(before);
    return false;
  }

  #readIds({ bytes, from, to }: Text): boolean {
    const spanIdFrom = from + TRACE_ID_DIGITS + 1;
    const spanIdTo = spanIdFrom + SPAN_ID_DIGITS;
    if (to <= spanIdTo || bytes[spanIdFrom - 1] !== BAR || bytes[spanIdTo] !== BAR) return false;
    this.#move(bytes, from, spanIdFrom - 1);
    if (hexInto(this.#traceId.bytes, this.#part) < 0) return false;
    this.#move(bytes, spanIdFrom, spanIdTo);
    if (hexInto(this.#spanId.bytes, this.#part) < 0) return false;
    return !isZero(this.#traceId.bytes) && !isZero(this.#spanId.bytes);
  }

  #move(bytes: Uint8Array, from: number, to: number): void {
    this.#part.bytes = bytes;
    this.#part.from = from;
    this.#part.to = to;
  }
}
