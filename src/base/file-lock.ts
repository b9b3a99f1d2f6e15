/**
 * A lock on a folder that the kernel gives back when the process ends, however it ends: flock(2)
 * through bun:ffi, for node:fs does not offer it. The file holds the pid, for people.
 */
import { dlopen, FFIType } from "bun:ffi";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const LOCK_EX = 2;
const LOCK_NB = 4;

export interface FolderLock {
  release(): void;
}

/** The lock, or the pid of the process that has it (0 when it does not say). */
export function lockFolder(folder: string): FolderLock | { readonly heldBy: number } {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "vivace.lock");
  const fd = openSync(path, "a+");
  const libc = dlopen(process.platform === "darwin" ? "libSystem.dylib" : "libc.so.6", {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  if (libc.symbols.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd);
    return { heldBy: Number.parseInt(readFileSync(path, "utf8"), 10) || 0 };
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`);
  return { release: () => closeSync(fd) };
}

/**
 * The pid of the process that has the folder's lock, without touching the lock: for those who only
 * read. The name of a process that died stays in the file, and could be another's by now.
 */
export function folderUser(folder: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(folder, "vivace.lock"), "utf8"), 10);
    if (!(pid > 0)) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // It lives, and belongs to another user.
    if (code !== "EPERM") return undefined;
    return Number.parseInt(readFileSync(join(folder, "vivace.lock"), "utf8"), 10);
  }
}
