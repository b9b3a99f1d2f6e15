/**
 * The Huffman code of HPACK (RFC 7541, appendix B). It is canonical: codes of one length follow
 * each other in the order of their bytes, so lengths say all.
 */
import { ConnectionError } from "./http2-frame.ts";

/** Bits of each byte's code. The end of a string has one of 30 bits, which is all ones. */
const LENGTHS = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
] as const;
const LENGTH_MAX = 30;
const PADDING_BITS_MAX = 7;

/** By length: the first code, how many there are, and where their bytes begin in BYTES. */
const FIRST = new Int32Array(LENGTH_MAX + 2);
const COUNT = new Int32Array(LENGTH_MAX + 2);
const START = new Int32Array(LENGTH_MAX + 2);
const BYTES = Uint8Array.from(
  Array.from({ length: 256 }, (_, byte) => byte).toSorted(
    (a, b) => LENGTHS[a] - LENGTHS[b] || a - b,
  ),
);
for (const length of LENGTHS) COUNT[length] += 1;
for (let length = 1; length <= LENGTH_MAX; length++) {
  FIRST[length] = (FIRST[length - 1] + COUNT[length - 1]) << 1;
  START[length] = START[length - 1] + COUNT[length - 1];
}

/** The bytes behind the code, as characters up to 255. Throws ConnectionError. */
export function decodeHuffman(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil((bytes.length * 8) / 5));
  let size = 0;
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >>> bit) & 1);
      length += 1;
      const index = code - FIRST[length];
      if (index >= 0 && index < COUNT[length]) {
        out[size++] = BYTES[START[length] + index];
        code = 0;
        length = 0;
      } else if (length >= LENGTH_MAX) {
        throw new ConnectionError("compressionError", "no such Huffman code");
      }
    }
  }
  // What is left is a part of the code of the string's end.
  if (length > PADDING_BITS_MAX || code !== (1 << length) - 1) {
    throw new ConnectionError("compressionError", "no such Huffman padding");
  }
  return Buffer.from(out.buffer, 0, size).toString("latin1");
}
