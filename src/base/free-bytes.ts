/**
 * Gives memory back when it is known to be of no more use, instead of when the collector comes by.
 * It does not see how much lies outside its heap: it lets hundreds of megabytes of bodies and
 * pages gather, and each is a walk through cold memory, where the next one could have had the
 * warm memory of the last.
 */

/** Views that share their memory with others have to be left alone; small ones are not worth it. */
const FREED_BYTES_MIN = 1024;

/** `bytes` is empty afterwards, if it had its memory for itself. */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (byteLength < FREED_BYTES_MIN || byteLength !== buffer.byteLength) return;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
