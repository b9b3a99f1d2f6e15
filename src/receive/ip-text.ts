/** Addresses as text, as Zipkin's JSON has them and the conventions want them. */

import { type Text, textOf } from "./text.ts";
import { isZero, moveText } from "./zipkin-span.ts";

const VERSION_4_BYTES = 4;
const VERSION_6_BYTES = 16;

/** Of version 4, by their number: there are few, and each comes with every span. */
const known = new Map<number, Text>();
const KNOWN_MAX = 1024;

/** An address of version 4 as a number; 0 is none. */
export function ipv4Text(target: Text, address: number): void {
  let text = known.get(address);
  if (text === undefined) {
    const bytes = Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
    text = textOf(address === 0 ? "" : formatIp(bytes));
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(address, text);
  }
  moveText(target, text);
}

/** Four or sixteen bytes; of any other number, or all zero, there is no address. */
export function ipText(target: Text, address: Uint8Array): void {
  if (address.length === VERSION_4_BYTES) {
    const [a, b, c, d] = address;
    ipv4Text(target, (a << 24) | (b << 16) | (c << 8) | d);
    return;
  }
  const text = isZero(address) ? "" : formatIp(address);
  moveText(target, textOf(text));
}

export function formatIp(address: Uint8Array): string {
  if (address.length === VERSION_4_BYTES) return address.join(".");
  if (address.length !== VERSION_6_BYTES) return "";
  const mapped = address.subarray(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 255));
  if (mapped) return address.subarray(12).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => (address[2 * i] << 8) | address[2 * i + 1]);
  const { from, length } = longestZeros(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, from))}::${hex(groups.slice(from + length))}`;
}

function longestZeros(groups: readonly number[]): { from: number; length: number } {
  let best = { from: 0, length: 0 };
  let from = 0;
  for (let at = 0; at <= groups.length; at++) {
    if (groups[at] === 0) continue;
    if (at - from > best.length) best = { from, length: at - from };
    from = at + 1;
  }
  return best;
}
