/**
 * JSON text of a resource to the bytes of its message. JSON.parse would not do: it rounds large
 * integers, joins equal keys, moves keys that look like numbers, and tells 1 from 1.0 no longer.
 */
import { EngineError } from "../base/error.ts";
import { ByteWriter } from "./resource-bytes.ts";

/** Deeper than any value that the kernel accepts. */
export const DEPTH_MAX = 64;
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;

export class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  resource(): Uint8Array {
    const out = new ByteWriter();
    this.#members(out, 0);
    if (this.#at !== this.#text.length) throw this.#corrupt();
    return out.finish();
  }

  /** `{"key":value,…}` as repeated KeyValue fields, number 1. */
  #members(out: ByteWriter, depth: number): void {
    this.#expect("{");
    if (this.#accept("}")) return;
    do {
      const key = this.#string();
      this.#expect(":");
      const pair = new ByteWriter();
      if (key !== "") pair.text(0x0a, key);
      pair.bytes(0x12, this.#value(depth + 1));
      out.bytes(0x0a, pair.finish());
    } while (this.#accept(","));
    this.#expect("}");
  }

  /** An AnyValue message. */
  #value(depth: number): Uint8Array {
    if (depth > DEPTH_MAX + 1) throw this.#corrupt();
    const out = new ByteWriter();
    const first = this.#text[this.#at];
    if (first === '"') out.text(0x0a, this.#string());
    else if (first === "{") {
      const list = new ByteWriter();
      this.#members(list, depth);
      out.bytes(0x32, list.finish());
    } else if (first === "[") out.bytes(0x2a, this.#elements(depth));
    else if (this.#accept("true")) out.varint(0x10, 1n);
    else if (this.#accept("false")) out.varint(0x10, 0n);
    else if (!this.#accept("null")) this.#number(out);
    return out.finish();
  }

  #elements(depth: number): Uint8Array {
    const out = new ByteWriter();
    this.#expect("[");
    if (this.#accept("]")) return out.finish();
    do out.bytes(0x0a, this.#value(depth + 1));
    while (this.#accept(","));
    this.#expect("]");
    return out.finish();
  }

  #number(out: ByteWriter): void {
    const text = this.#match(NUMBER);
    if (/[.eE]/.test(text)) out.double(0x21, Number(text));
    else if (BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) throw this.#corrupt();
    else out.varint(0x18, BigInt(text));
  }

  #string(): string {
    const start = this.#at;
    this.#expect('"');
    this.#at = this.#closingQuote() + 1;
    try {
      const value: unknown = JSON.parse(this.#text.slice(start, this.#at));
      if (typeof value === "string") return value;
    } catch {
      // falls through to the error below
    }
    throw this.#corrupt();
  }

  /** Looked for by hand: a regular expression gives up on strings of a million characters. */
  #closingQuote(): number {
    let at = this.#at;
    while (true) {
      const quote = this.#text.indexOf('"', at);
      if (quote < 0) throw this.#corrupt();
      let before = quote;
      while (before > at && this.#text[before - 1] === "\\") before--;
      if ((quote - before) % 2 === 0) return quote;
      at = quote + 1;
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#corrupt();
    this.#at += found.length;
    return found;
  }

  #accept(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#accept(token)) throw this.#corrupt();
  }

  #corrupt(): EngineError {
    return new EngineError("block_corrupt", `resource text is wrong at character ${this.#at}`);
  }
}
