/** Memory that goes back to the system while its addresses stay. */
import { dlopen, FFIType, ptr } from "bun:ffi";

const MADV_DONTNEED = 4;
/** The largest page of any system that there is such a call for. */
const PAGE_BYTES = 64 * 1024;

/**
 * Gives back what a thread had written to its own shared memory: it is zeros then, as it was made.
 * False where the system cannot, and then all is as it was.
 */
export function releaseMemory(buffer: SharedArrayBuffer): boolean {
  if (process.platform !== "linux") return false;
  const memory = new Uint8Array(buffer);
  const from = ptr(memory);
  if (from % 4096 !== 0 || memory.length % PAGE_BYTES !== 0) return false;
  try {
    const libc = dlopen("libc.so.6", {
      madvise: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
    });
    return libc.symbols.madvise(from, memory.length, MADV_DONTNEED) === 0;
  } catch {
    return false;
  }
}
