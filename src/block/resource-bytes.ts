/** Protobuf bytes, the little of it that a Resource needs: reading and writing by hand. */
import { EngineError } from "../base/error.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** A field's tag; one byte for all fields that exist. */
  tag(): number {
    return this.#small();
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#take(1)[0];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw malformed();
  }

  double(): number {
    this.#take(8);
    return this.#view.getFloat64(this.#at - 8, true);
  }

  bytes(): Uint8Array {
    return this.#take(this.#small());
  }

  text(): string {
    // A copy: TextDecoder does not take views on shared memory everywhere.
    return utf8.decode(this.bytes().slice());
  }

  base64(): string {
    return Buffer.from(this.bytes()).toString("base64");
  }

  message(): ByteReader {
    return new ByteReader(this.bytes());
  }

  /** Passes over an unknown field; groups too, which the kernel lets through. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#take(8);
    else if (wireType === 2) this.bytes();
    else if (wireType === 5) this.#take(4);
    else if (wireType === 3) this.#skipGroup();
    else throw malformed();
  }

  #skipGroup(): void {
    for (let open = 1; open > 0; ) {
      const tag = this.tag();
      if ((tag & 7) === 3) open++;
      else if ((tag & 7) === 4) open--;
      else this.skip(tag & 7);
    }
  }

  /** A varint that is a tag or a length: bigints are slow, and only values need them. */
  #small(): number {
    if (this.#at >= this.#bytes.length) throw malformed();
    const byte = this.#bytes[this.#at];
    if (byte >= 128) return Number(this.varint());
    this.#at++;
    return byte;
  }

  #take(count: number): Uint8Array {
    if (count > this.#bytes.length - this.#at) throw malformed();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

function malformed(): EngineError {
  return new EngineError("malformed", "resource message ends early");
}

/** Parts in order; a message inside a message is made first, then put in with its length. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  varint(tag: number, value: bigint): void {
    this.#push(Uint8Array.from([tag, ...varintBytes(value)]));
  }

  double(tag: number, value: number): void {
    const bytes = new Uint8Array(9);
    bytes[0] = tag;
    new DataView(bytes.buffer).setFloat64(1, value, true);
    this.#push(bytes);
  }

  text(tag: number, value: string): void {
    this.bytes(tag, encoder.encode(value));
  }

  bytes(tag: number, value: Uint8Array): void {
    if (value.length < 128) this.#push(Uint8Array.of(tag, value.length));
    else this.#push(Uint8Array.from([tag, ...varintBytes(BigInt(value.length))]));
    this.#push(value);
  }

  finish(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
  }
}

function varintBytes(value: bigint): number[] {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  while (left >= 128n) {
    bytes.push(Number(left & 127n) | 128);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return bytes;
}
