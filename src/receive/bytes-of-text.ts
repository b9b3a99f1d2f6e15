/** Bytes that formats write as text: hex and base64, strictly. */
import type { Text } from "./text.ts";

/** By byte; 255: none. Both alphabets of base64, in which only the last two differ. */
const HEX_DIGITS = digits("0123456789abcdef", (digit) => [digit, digit.toUpperCase()]);
const BASE64_DIGITS = digits(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  (digit) => [digit, digit === "+" ? "-" : digit === "/" ? "_" : digit],
);
const NONE = 255;
const PADDING = 0x3d;

function digits(alphabet: string, spellings: (digit: string) => readonly string[]): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (const [value, digit] of [...alphabet].entries()) {
    for (const one of spellings(digit)) table[one.charCodeAt(0)] = value;
  }
  return table;
}

/** -1: it is none. */
export function hexDigit(byte: number): number {
  const digit = HEX_DIGITS[byte];
  return digit === NONE ? -1 : digit;
}

/** Returns how many bytes went into `target`; -1: the text is no hex, or longer. */
export function hexInto(target: Uint8Array, { bytes, from, to }: Text): number {
  const length = (to - from) / 2;
  if (length > target.length || (to - from) % 2 !== 0) return -1;
  let all = 0;
  for (let i = 0; i < length; i++) {
    const high = HEX_DIGITS[bytes[from + 2 * i]];
    const low = HEX_DIGITS[bytes[from + 2 * i + 1]];
    all |= high | low;
    target[i] = (high << 4) | low;
  }
  return all > 15 ? -1 : length;
}

/** Decodes where the text lies and makes it what came out; false: it is no base64. */
export function base64Into(text: Text): boolean {
  const { bytes, from } = text;
  let end = text.to;
  if ((end - from) % 4 === 0) {
    if (end > from && bytes[end - 1] === PADDING) end -= 1;
    if (end > from && bytes[end - 1] === PADDING) end -= 1;
  }
  if ((end - from) % 4 === 1) return false;
  let to = from;
  let held = 0;
  let bits = 0;
  for (let at = from; at < end; at++) {
    const digit = BASE64_DIGITS[bytes[at]];
    if (digit === NONE) return false;
    held = (held << 6) | digit;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[to++] = held >> bits;
    held &= (1 << bits) - 1;
  }
  text.to = to;
  return true;
}

/** Fills `target` from the right, zeros before; false: no hex, or of more digits than it takes. */
export function hexIntoRight(target: Uint8Array, { bytes, from, to }: Text): boolean {
  if (to === from || to - from > 2 * target.length) return false;
  target.fill(0);
  let all = 0;
  let digit = 2 * target.length - 1;
  for (let at = to - 1; at >= from; at--, digit--) {
    const value = HEX_DIGITS[bytes[at]];
    all |= value;
    target[digit >> 1] |= digit & 1 ? value : value << 4;
  }
  return all <= 15;
}
