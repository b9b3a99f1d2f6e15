/**
 * Makes the runtime's allocator keep the pages that it frees.
 *
 * mimalloc gives freed memory back to the system after 10 ms. A receiver frees a body of 190 KB
 * some hundred times a second and takes the next one, so each body is paid for in page faults: a
 * sixth of the whole CPU per span (bench/ingest.ts). What is kept is bounded by the bytes in
 * flight. The option is read from the environment before any code of ours runs, so the process
 * replaces itself once, by execve(2): same pid, same files, 40 ms later.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";

const OPTION = "MIMALLOC_PURGE_DELAY";
const NEVER = "-1";

/** Returns when there is nothing to do, or when the system does not let us: then all works, too. */
export function keepFreedPages(): void {
  if (process.platform !== "linux" || process.env[OPTION] !== undefined) return;
  const argv = readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
  const env = { ...process.env, [OPTION]: NEVER };
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
