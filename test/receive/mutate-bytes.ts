/** Damage to bytes as networks, bugs and attackers do it. */
import type { Prng } from "../../src/base/prng.ts";

/** Bytes that mean much in length-prefixed formats. */
const TELLING = [0, 1, 2, 8, 10, 11, 12, 15, 127, 128, 255];

/** A copy with one to three changes; `other` lends pieces. */
export function mutateBytes(
  random: Prng,
  input: Uint8Array,
  other: Uint8Array,
): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(input);
  for (let left = 1 + random.below(3); left > 0; left--) bytes = changed(random, bytes, other);
  return bytes;
}

function changed(
  random: Prng,
  bytes: Uint8Array<ArrayBuffer>,
  other: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const length = 1 + random.below(random.below(4) === 0 ? 64 : 8);
  switch (random.below(7)) {
    case 0: // a bit
      if (at < bytes.length) bytes[at] ^= 1 << random.below(8);
      return bytes;
    case 1: // a byte
      if (at < bytes.length) bytes[at] = TELLING[random.below(TELLING.length)];
      return bytes;
    case 2: // the end is missing
      return bytes.slice(0, at);
    case 3: // a piece is missing
      return concat(bytes.subarray(0, at), bytes.subarray(at + length));
    case 4: // a piece comes twice
      return concat(bytes.subarray(0, at + length), bytes.subarray(at));
    case 5: // noise
      return concat(bytes.subarray(0, at), random.bytes(length), bytes.subarray(at));
    default: {
      // a piece of another message
      const from = random.below(other.length + 1);
      const piece = other.subarray(from, from + 4 * length);
      return concat(bytes.subarray(0, at), piece, bytes.subarray(at));
    }
  }
}

function concat(...pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
