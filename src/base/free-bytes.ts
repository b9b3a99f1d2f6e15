/**
 * Gives memory back when it is known to be of no more use, instead of when the collector comes by.
 * It does not see how much lies outside its heap: it lets hundreds of megabytes of bodies and
 * pages gather, and each is a walk through cold memory, where the next one could have had the
 * warm memory of the last.
 */

/** Below it they may be a part of the runtime's pool; it is not worth it, either. */
const FREED_BYTES_MIN = 16 * 1024;

/**
 * Nobody else may have a view on the memory behind `bytes`, which is gone afterwards. Returns how
 * many bytes were given back: 0 where it is left to the collector.
 */
export function freeBytes(bytes: Uint8Array): number {
  const { buffer, byteLength, byteOffset } = bytes;
  if (byteLength < FREED_BYTES_MIN || byteOffset !== 0) return 0;
  if (!(buffer instanceof ArrayBuffer)) return 0;
  buffer.transfer(0);
  return byteLength;
}
