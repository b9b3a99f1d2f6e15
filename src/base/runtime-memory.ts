/**
 * How the runtime treats memory: three options that it reads from the environment before any code
 * of ours runs. So the process replaces itself once, by execve(2): same pid, same files, 40 ms
 * later.
 *
 * MIMALLOC_PURGE_DELAY: the allocator gives freed pages back to the system after 10 ms. A receiver
 * frees a body of 190 KB some hundred times a second and takes the next one, so each body would be
 * paid for in page faults: a sixth of the whole CPU per span (bench/ingest.ts). After half a second
 * under load the pages are in use again, and what a large question freed is given back.
 *
 * BUN_JSC_forceRAMSize: the collector of each thread lets garbage grow with the machine's memory.
 * On 48 GB that made 1.2 GB of a few large bodies; told of a small machine, 0.34 GB, with no more
 * CPU under load (test/fault/limits.test.ts). It still does not see all: see garbage.ts.
 *
 * BUN_JSC_gcMaxHeapSize: a collection after so many bytes of new objects. Without it the collector
 * waits for a quarter of what it takes for the heap, and it takes the shared memory for a part of
 * that, twice: 1.8 GB of address space in each thread, so that each let hundreds of megabytes of
 * garbage gather. Where 1,374 MB gathered it is 98 now, at two thirds of the CPU.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";

const OPTIONS: Readonly<Record<string, string>> = {
  MIMALLOC_PURGE_DELAY: "500",
  BUN_JSC_forceRAMSize: `${256 * 1024 * 1024}`,
  BUN_JSC_gcMaxHeapSize: `${24 * 1024 * 1024}`,
};

/**
 * Sets the options that the environment leaves open. Returns when there is nothing to do, or when
 * the system does not let us: then all works, too.
 */
export function settleMemory(): void {
  const missing = Object.entries(OPTIONS).filter(([name]) => process.env[name] === undefined);
  if (process.platform !== "linux" || missing.length === 0) return;
  const argv = readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
  const env = { ...process.env, ...Object.fromEntries(missing) };
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const libc = dlopen("libc.so.6", {
    execve: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
  const path = cString("/proc/self/exe");
  const args = new CStrings(argv);
  const vars = new CStrings(pairs);
  libc.symbols.execve(ptr(path), ptr(args.pointers), ptr(vars.pointers));
}

/** A null-terminated array of C strings; it holds on to what the pointers point at. */
class CStrings {
  readonly strings: readonly Uint8Array[];
  readonly pointers: BigUint64Array;

  constructor(texts: readonly string[]) {
    this.strings = texts.map(cString);
    this.pointers = new BigUint64Array(texts.length + 1);
    this.strings.forEach((bytes, index) => {
      this.pointers[index] = BigInt(ptr(bytes));
    });
  }
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
