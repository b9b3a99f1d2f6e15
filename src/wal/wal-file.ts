/**
 * What the log needs of a disk, and no more, so that tests can put a failing or forgetful one in
 * its place. All calls are synchronous: the ingest Worker has nothing else to do while it waits.
 *
 * Every method throws an Error with a `code` such as "ENOSPC" when the disk says no.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writevSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { assert } from "../base/assert.ts";
import { errorCode } from "./wal-error.ts";

/** One folder. Names are plain file names. */
export interface WalDisk {
  /** Names of the regular files. */
  list(): string[];
  /** A new file for writing; EEXIST when the name is taken. */
  create(name: string): WalFile;
  open(name: string, mode: "read" | "write"): WalFile;
  /** Replaces nothing: `to` is not there. */
  rename(from: string, to: string): void;
  unlink(name: string): void;
  /** Makes creates, renames and unlinks durable. */
  syncFolder(): void;
}

export interface WalFile {
  size(): number;
  /** Bytes read, fewer than asked only at the end of the file. */
  read(into: Uint8Array, at: number): number;
  /** Bytes written; may be fewer than given. At most BUFFERS_PER_WRITE_MAX buffers. */
  writev(buffers: readonly Uint8Array[], at: number): number;
  truncate(bytes: number): void;
  /** fdatasync: contents and size. */
  syncData(): void;
  close(): void;
}

/** IOV_MAX is 1024 on Linux; half of it costs nothing measurable and leaves room for others. */
export const BUFFERS_PER_WRITE_MAX = 512;

/** Regular files know no EAGAIN; a strange mount that does must not hold the Worker for ever. */
const RETRIES_MAX = 100;

/** Creates the folder if it is missing, durably. */
export function walFolder(path: string): WalDisk {
  if (mkdirSync(path, { recursive: true }) !== undefined) syncPath(dirname(path));
  return {
    list: () =>
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name),
    create: (name) => openFile(openSync(join(path, name), "wx", 0o640)),
    open: (name, mode) => openFile(openSync(join(path, name), mode === "read" ? "r" : "r+")),
    rename: (from, to) => renameSync(join(path, from), join(path, to)),
    unlink: (name) => unlinkSync(join(path, name)),
    syncFolder: () => syncPath(path),
  };
}

function openFile(fd: number): WalFile {
  return {
    size: () => fstatSync(fd).size,
    read: (into, at) => readSync(fd, into, 0, into.byteLength, at),
    writev: (buffers, at) => writevSync(fd, buffers, at),
    truncate: (bytes) => ftruncateSync(fd, bytes),
    syncData: () => fdatasyncSync(fd),
    close: () => closeSync(fd),
  };
}

function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes all of `buffers` at `at`, however short the single writes are. */
export function writeFully(file: WalFile, buffers: readonly Uint8Array[], at: number): void {
  for (let first = 0; first < buffers.length; first += BUFFERS_PER_WRITE_MAX) {
    const some =
      buffers.length <= BUFFERS_PER_WRITE_MAX
        ? buffers
        : buffers.slice(first, first + BUFFERS_PER_WRITE_MAX);
    at = writeSome(file, some, at);
  }
}

function writeSome(file: WalFile, buffers: readonly Uint8Array[], at: number): number {
  let rest = buffers;
  while (rest.length > 0) {
    const written = retried(() => file.writev(rest, at));
    if (written === 0 && rest.some((buffer) => buffer.byteLength > 0)) {
      throw Object.assign(new Error("EIO: a write wrote nothing"), { code: "EIO" });
    }
    at += written;
    rest = after(rest, written);
  }
  return at;
}

/** `buffers` without their first `bytes` bytes. */
function after(buffers: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let index = 0;
  let skip = bytes;
  while (index < buffers.length && buffers[index].byteLength <= skip) {
    skip -= buffers[index].byteLength;
    index++;
  }
  if (index === buffers.length) {
    assert(skip === 0, "wal: a write wrote more than it was given");
    return [];
  }
  return [buffers[index].subarray(skip), ...buffers.slice(index + 1)];
}

/** Runs `call` again when a signal came between. */
export function retried<T>(call: () => T): T {
  for (let attempt = 0; ; attempt++) {
    try {
      return call();
    } catch (error) {
      const code = errorCode(error);
      if ((code !== "EINTR" && code !== "EAGAIN") || attempt === RETRIES_MAX) throw error;
    }
  }
}
