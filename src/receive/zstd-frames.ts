/**
 * Checks that a zstd body is whole, which the runtime does not: it returns what it has when the
 * input ends early, as if that were all, and ignores what follows the last frame.
 *
 *   frame := magic u32 · descriptor u8 · [window u8] · [dictionary 0..4] · [content size 0..8] ·
 *            block* · [checksum u32]
 *   block := last (bit 0) · type (bits 1, 2) · size (bits 3 to 23), u24 · bytes
 *
 * Only the structure is walked; what is in the blocks, and the checksum, is the decoder's to
 * judge. Format: RFC 8878, section 3.1.
 */
import { bodyDamaged } from "./body-error.ts";

const MAGIC = 0xfd2f_b528;
const SKIPPABLE = 0x184d_2a50; // and the fifteen after it
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const DICTIONARY_BYTES = [0, 1, 2, 4];

/** Throws `malformed` unless the body is one whole frame or several. */
export function checkZstdFrames(body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.byteLength === 0) throw damaged("empty");
  for (let at = 0; at < body.byteLength; ) {
    need(body, at + 8);
    const magic = view.getUint32(at, true);
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) at += 8 + view.getUint32(at + 4, true);
    else if (magic === MAGIC) at = frameEnd(body, at + 4);
    else throw damaged("no frame");
    need(body, at);
  }
}

function frameEnd(body: Uint8Array, start: number): number {
  const descriptor = body[start];
  const singleSegment = (descriptor & 32) !== 0;
  const sizeCode = descriptor >> 6;
  // With a single segment the window byte is left out and a size of one byte is possible.
  const sizeBytes = sizeCode === 0 && singleSegment ? 1 : CONTENT_SIZE_BYTES[sizeCode];
  let at = start + 1 + (singleSegment ? 0 : 1) + DICTIONARY_BYTES[descriptor & 3] + sizeBytes;
  for (;;) {
    need(body, at + 3);
    const header = body[at] | (body[at + 1] << 8) | (body[at + 2] << 16);
    const type = (header >> 1) & 3;
    if (type === BLOCK_RESERVED) throw damaged("unknown block type");
    at += 3 + (type === BLOCK_RLE ? 1 : header >> 3);
    need(body, at);
    if ((header & 1) !== 0) break;
  }
  return at + ((descriptor & 4) !== 0 ? 4 : 0);
}

function need(body: Uint8Array, end: number): void {
  if (end > body.byteLength) throw damaged("cut off");
}

function damaged(what: string) {
  return bodyDamaged("zstd", what);
}
