/**
 * The text into which the Collector's exporter to Zipkin packs an event or a link: what it is, its
 * attributes as an object of JSON, and how many more were dropped, with bars between.
 *
 *   cache miss|{"key":"a|b","tries":2}|0
 *
 * What a part holds may have bars of its own, so the ends are looked for: the first bar before a
 * brace, and the last bar.
 */
import { JsonAttributes } from "./json-attributes.ts";
import type { OtlpWriter } from "./otlp-write.ts";
import { type Text, textOf } from "./text.ts";
import { moveText } from "./zipkin-span.ts";

const BAR = 0x7c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const ZERO = 0x30;
const DROPPED_MAX = 0xffff_ffff;
const DROPPED_DIGITS_MAX = 10;

export class ZipkinPacked {
  /** After split(): what stands before the attributes. */
  readonly head: Text = textOf("");
  readonly #attributes: Text = textOf("");
  #dropped = 0;
  readonly #json = new JsonAttributes();

  /** False: the text is not packed. True: it may be, which writeRest() knows. */
  split(text: Text): boolean {
    const { bytes, from } = text;
    const last = this.#readDropped(text);
    if (last <= from || bytes[last] !== BAR || bytes[last - 1] !== CLOSE) return false;
    let first = from;
    while (first < last && (bytes[first] !== BAR || bytes[first + 1] !== OPEN)) first++;
    if (first === last) return false;
    moveText(this.head, text);
    this.head.to = first;
    moveText(this.#attributes, text);
    this.#attributes.from = first + 1;
    this.#attributes.to = last;
    return true;
  }

  /** Writes attributes and count under these tags; false: it was not packed, nothing is written. */
  writeRest(out: OtlpWriter, attributeTag: number, droppedTag: number): boolean {
    if (!this.#json.write(out, attributeTag, this.#attributes)) return false;
    if (this.#dropped > 0) out.varint(droppedTag, this.#dropped);
    return true;
  }

  /** Returns where the bar before it should be, or -1. */
  #readDropped({ bytes, from, to }: Text): number {
    let value = 0;
    let at = to - 1;
    for (let power = 1; at >= from; at--, power *= 10) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      if (to - at > DROPPED_DIGITS_MAX) return -1;
      value += digit * power;
    }
    const digits = to - 1 - at;
    const isCanonical = digits === 1 || bytes[at + 1] !== ZERO;
    if (digits === 0 || !isCanonical || value > DROPPED_MAX) return -1;
    this.#dropped = value;
    return at;
  }
}
