/** Memory that goes back to the system while its addresses stay. */
import { dlopen, FFIType, type Pointer, ptr } from "bun:ffi";

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
  madvise ??= findMadvise();
  return madvise?.(from, memory.length, MADV_DONTNEED) === 0;
}

type Madvise = (from: number, bytes: number, advice: number) => number;
/** Found once: each search leaves code of its own behind. */
let madvise: Madvise | undefined;

function findMadvise(): Madvise | undefined {
  try {
    const libc = dlopen("libc.so.6", {
      madvise: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
    });
    return (from, bytes, advice) => libc.symbols.madvise(from as Pointer, bytes, advice);
  } catch {
    return undefined;
  }
}
