/**
 * Writes protobuf into one array that doubles as it fills.
 *
 * A nested message is written behind one byte kept for its length; when the length takes more,
 * the message moves up. Most are shorter than 128 bytes.
 */
import { freeBytes } from "../base/free-bytes.ts";
import { putVarint, varintBytes } from "./proto-cursor.ts";

const FIRST_BYTES = 1024;
/** Tag and varint of a number of 53 bits. */
const NUMBER_BYTES_MAX = 16;

export class ProtoWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written in [from, to): a view, valid until the next write. */
  written(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  /** Forgets what was written from `length` on. */
  cut(length: number): void {
    this.#length = length;
  }

  /** Gives the memory back, and with it what was written. */
  release(): void {
    freeBytes(this.#bytes);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
  }

  /** One byte: the tag of a field below 16, or a short number. */
  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** An integer from 0 up to 2 ** 53. */
  varint(value: number): void {
    this.#room(NUMBER_BYTES_MAX);
    this.#length = putVarint(this.#bytes, this.#length, value);
  }

  /** An int64: negative ones take ten bytes. */
  varint64(value: bigint): void {
    this.#room(NUMBER_BYTES_MAX);
    this.#view.setBigInt64(this.#length, value, true);
    let low = this.#view.getUint32(this.#length, true);
    let high = this.#view.getUint32(this.#length + 4, true);
    while (high !== 0 || low > 127) {
      this.#bytes[this.#length++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#length++] = low;
  }

  fixed32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** Of any sign, modulo 2^64. */
  fixed64(value: bigint): void {
    this.#room(8);
    this.#view.setBigUint64(this.#length, value, true);
    this.#length += 8;
  }

  double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A length-delimited field: tag, length, bytes. */
  field(tag: number, bytes: Uint8Array): void {
    this.byte(tag);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** Begins a nested message; hand what is returned to end(). */
  begin(tag: number): number {
    this.byte(tag);
    this.#room(1);
    return this.#length++;
  }

  end(begun: number): void {
    const from = begun + 1;
    const length = this.#length - from;
    const more = varintBytes(length) - 1;
    if (more > 0) {
      this.#room(more);
      this.#bytes.copyWithin(from + more, from, this.#length);
      this.#length += more;
    }
    putVarint(this.#bytes, begun, length);
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    freeBytes(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
