/**
 * Reads protobuf messages from outside without making objects: what was read last stands in the
 * reader's fields, numbers of 64 bits as two halves, bytes as a range of the message.
 *
 * Input is trusted in nothing: no read passes the end of the message at hand, and what is not
 * well-formed is `malformed`. Groups, which no message of ours has, are not.
 */
import { EngineError } from "../base/error.ts";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const VARINT_BYTES_MAX = 10;

export class ProtoReader {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the next read begins. */
  at = 0;
  /** Of the message at hand. */
  end = 0;
  /** Of the last varint or fixed64, unsigned. */
  low = 0;
  high = 0;
  /** The last bytes or string. */
  from = 0;
  to = 0;

  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  /** The tag of the next field: its number times eight plus wire type; 0 behind the last one. */
  tag(): number {
    if (this.at === this.end) return 0;
    this.varint();
    if (this.high !== 0 || this.low < 8) throw protoDamaged("no such tag");
    return this.low;
  }

  /** The field is a message, read until its tag() is 0; hand what is returned to leave(). */
  enter(): number {
    const outer = this.end;
    this.#length();
    this.at = this.from;
    this.end = this.to;
    return outer;
  }

  leave(outer: number): void {
    this.end = outer;
  }

  /** The field is bytes, a string or a message that is not entered: from and to. */
  range(): void {
    this.#length();
    this.at = this.to;
  }

  varint(): void {
    const { bytes } = this;
    const limit = Math.min(this.end, this.at + VARINT_BYTES_MAX);
    let at = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= limit) throw protoDamaged("a number over its end");
      const byte = bytes[at++];
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) break;
    }
    this.at = at;
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  fixed64(): void {
    const { bytes, at } = this;
    if (this.end - at < 8) throw protoDamaged("a number over its end");
    this.low = word(bytes, at);
    this.high = word(bytes, at + 4);
    this.at = at + 8;
  }

  fixed32(): void {
    if (this.end - this.at < 4) throw protoDamaged("a number over its end");
    this.low = word(this.bytes, this.at);
    this.high = 0;
    this.at += 4;
  }

  /** The field of a tag that means nothing here. */
  skip(tag: number): void {
    const wire = tag & 7;
    if (wire === VARINT) this.varint();
    else if (wire === BYTES) this.range();
    else if (wire === FIXED64) this.fixed64();
    else if (wire === FIXED32) this.fixed32();
    else throw protoDamaged(`wire type ${wire}`);
  }

  /** Likewise of a field whose number is known up to `last`: another wire type is malformed. */
  skipUnknown(tag: number, last: number): void {
    if (tag >>> 3 <= last) throw protoDamaged(`field ${tag >>> 3} has wire type ${tag & 7}`);
    this.skip(tag);
  }

  #length(): void {
    this.varint();
    if (this.high !== 0 || this.low > this.end - this.at) throw protoDamaged("over its end");
    this.from = this.at;
    this.to = this.at + this.low;
  }
}

export function protoDamaged(what: string): EngineError {
  return new EngineError("malformed", `protobuf: ${what}`);
}

function word(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 3] << 24) | (bytes[at + 2] << 16);
  return (high | (bytes[at + 1] << 8) | bytes[at]) >>> 0;
}
