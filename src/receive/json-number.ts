/**
 * Numbers of JSON, exact: integers of 64 bits as two halves, as a double would lose those above
 * 2^53; and doubles rounded as the standard has it.
 *
 * read() walks over a number once and keeps its digits as far as they fit; most numbers need
 * nothing else. What does not fit is read again from its text.
 */
import { assert } from "../base/assert.ts";

/** Digits that are exact in a double, whatever they are. */
const EXACT_DIGITS = 15;
/** Powers of ten up to here are exact in a double, so one division or product rounds right. */
const EXACT_POWER_MAX = 22;
const POWERS = Array.from({ length: EXACT_POWER_MAX + 1 }, (_, power) => Number(`1e${power}`));
/** A number of 64 bits has 20 digits; 4096 are from someone who plays, and cost him the request. */
const WHOLE_TEXT_MAX = 4096;
const DIGITS_A_STEP = 6;

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;

const latin = new TextDecoder("latin1");

export class JsonNumber {
  /** After a successful int64() or uint64(): the value's two's complement, as uint32. */
  low = 0;
  high = 0;
  /** How the number is written. */
  hasFraction = false;
  hasExponent = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #from = 0;
  #to = 0;
  /** Of the digits before the dot. */
  #wholeFrom = 0;
  #wholeTo = 0;
  #negative = false;
  #digits = 0;
  #mantissa = 0;
  #power = 0;

  /** Returns where the number ends, or -1: there is none at `from`. */
  read(bytes: Uint8Array, from: number, end: number): number {
    this.#bytes = bytes;
    this.#from = from;
    this.#digits = 0;
    this.#mantissa = 0;
    this.#negative = bytes[from] === MINUS;
    const whole = this.#negative ? from + 1 : from;
    this.#wholeFrom = whole;
    let at = this.#readDigits(whole, end);
    if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return -1;
    this.#wholeTo = at;
    let power = 0;
    this.hasFraction = at < end && bytes[at] === DOT;
    if (this.hasFraction) {
      const fraction = at + 1;
      at = this.#readDigits(fraction, end);
      if (at === fraction) return -1;
      power = fraction - at;
    }
    this.hasExponent = at < end && (bytes[at] | 0x20) === 0x65;
    if (this.hasExponent) {
      const after = this.#readExponent(at + 1, end);
      if (after < 0) return -1;
      at = after;
      power += this.#power;
    }
    this.#power = power;
    this.#to = at;
    return at;
  }

  /** Infinite when it is too large for a double. */
  double(): number {
    const power = this.#power;
    const sign = this.#negative ? -1 : 1;
    if (this.#digits <= EXACT_DIGITS && Math.abs(power) <= EXACT_POWER_MAX) {
      const size = power < 0 ? this.#mantissa / POWERS[-power] : this.#mantissa * POWERS[power];
      return sign * size;
    }
    return Number(latin.decode(this.#bytes.subarray(this.#from, this.#to)));
  }

  /** False: it is no integer from -2^63 up to 2^63. */
  int64(): boolean {
    if (!this.#magnitude()) return false;
    const { low, high } = this;
    if (!this.#negative) return high < 0x8000_0000;
    if (high > 0x8000_0000 || (high === 0x8000_0000 && low > 0)) return false;
    this.low = -low >>> 0;
    this.high = (low === 0 ? -high : ~high) >>> 0;
    return true;
  }

  /** False: it is no integer from 0 up to 2^64. */
  uint64(): boolean {
    if (!this.#magnitude()) return false;
    return !this.#negative || (this.low === 0 && this.high === 0);
  }

  /** Into low and high, without the sign; false: no integer, or over 64 bits. */
  #magnitude(): boolean {
    const plain = this.#power === 0 && this.#wholeTo === this.#to;
    if (plain && this.#digits <= EXACT_DIGITS) {
      this.low = this.#mantissa >>> 0;
      this.high = Math.floor(this.#mantissa / 2 ** 32);
      return true;
    }
    return plain ? this.#longWhole() : this.#scaledWhole();
  }

  #longWhole(): boolean {
    const bytes = this.#bytes;
    if (this.#wholeTo - this.#wholeFrom > 20) return false;
    let low = 0;
    let high = 0;
    for (let at = this.#wholeFrom; at < this.#wholeTo; ) {
      const to = Math.min(at + DIGITS_A_STEP, this.#wholeTo);
      let step = 0;
      const factor = POWERS[to - at];
      for (; at < to; at++) step = step * 10 + bytes[at] - ZERO;
      const product = low * factor + step; // below 2^52
      low = product >>> 0;
      high = high * factor + (product - low) / 2 ** 32;
      if (high >= 2 ** 32) return false;
    }
    this.low = low;
    this.high = high;
    return true;
  }

  /** "1.0", "15e2": nobody writes integers so, but they are. */
  #scaledWhole(): boolean {
    if (this.#to - this.#from > WHOLE_TEXT_MAX) return false;
    const text = latin.decode(this.#bytes.subarray(this.#wholeFrom, this.#to));
    const digits = text.split(/e/i, 1)[0].replace(".", "");
    const kept = digits.replace(/0+$/, "");
    const power = this.#power + digits.length - kept.length;
    const size = BigInt(kept === "" ? "0" : kept);
    if (size === 0n) {
      this.low = 0;
      this.high = 0;
      return true;
    }
    if (power < 0 || power > EXACT_POWER_MAX) return false;
    const value = size * 10n ** BigInt(power);
    if (value >= 1n << 64n) return false;
    this.low = Number(value & 0xffff_ffffn);
    this.high = Number(value >> 32n);
    return true;
  }

  #readDigits(from: number, end: number): number {
    const bytes = this.#bytes;
    let mantissa = this.#mantissa;
    let digits = this.#digits;
    let at = from;
    for (; at < end; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      mantissa = mantissa * 10 + digit;
      if (mantissa > 0) digits++; // zeros before the first one do not count
    }
    this.#mantissa = mantissa;
    this.#digits = digits;
    return at;
  }

  /** Into #power; -1: there is none. Beyond a billion it does not matter how large it is. */
  #readExponent(from: number, end: number): number {
    const bytes = this.#bytes;
    const signed = from < end && (bytes[from] === MINUS || bytes[from] === PLUS);
    const first = signed ? from + 1 : from;
    let power = 0;
    let at = first;
    for (; at < end; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      power = Math.min(power * 10 + digit, 1e9);
    }
    assert(power >= 0, "json number: negative power");
    this.#power = bytes[from] === MINUS ? -power : power;
    return at === first ? -1 : at;
  }
}
