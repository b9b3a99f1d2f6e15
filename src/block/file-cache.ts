/**
 * Open files and values read from them, for one thread: a block's files never change, so both
 * stay true until the block is removed.
 *
 * Both are bounded, files by number and values by bytes, and the one unused for longest goes
 * first. A file that was removed on disk stays readable while it is open here; forget() lets go.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { assert } from "../base/assert.ts";
import { EngineError } from "../base/error.ts";
import { blockCorrupt } from "./block-error.ts";

interface OpenFile {
  readonly fd: number;
  readonly bytes: number;
}

/** Values by path of their file, and a part of it. */
export class ValueCache<T> {
  readonly #bytesMax: number;
  // Maps keep the order of insertion: what is used is taken out and put in again, at the end.
  readonly #held = new Map<string, { readonly value: T; readonly bytes: number }>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  get(file: string, part = ""): T | undefined {
    const name = `${file}\0${part}`;
    const held = this.#held.get(name);
    if (held === undefined) return undefined;
    this.#held.delete(name);
    this.#held.set(name, held);
    return held.value;
  }

  /** `bytes` is what the value takes in memory. Returns the value. */
  put(name: { readonly file: string; readonly part?: string }, value: T, bytes: number): T {
    // One that would push out most others is not worth it.
    if (bytes > this.#bytesMax / 4) return value;
    const key = `${name.file}\0${name.part ?? ""}`;
    this.#drop(key);
    this.#held.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#drop(oldest);
    }
    return value;
  }

  forget(prefix: string): void {
    for (const key of this.#held.keys()) if (key.startsWith(prefix)) this.#drop(key);
  }

  #drop(key: string): void {
    this.#bytes -= this.#held.get(key)?.bytes ?? 0;
    this.#held.delete(key);
  }
}

export class FileCache {
  readonly #filesMax: number;
  readonly #files = new Map<string, OpenFile>();
  #readBytes = 0;

  /** `filesMax` descriptors are held open. */
  constructor(filesMax: number) {
    assert(filesMax > 0, "file cache: no files");
    this.#filesMax = filesMax;
  }

  /** Bytes read from files since the start. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /** Size of a file. Throws `not_found` when it is not there (any more). */
  size(path: string): number {
    return this.#open(path).bytes;
  }

  /** Bytes `from` to `from + length` of a file, a buffer of their own. */
  read(path: string, from: number, length: number): Uint8Array {
    const { bytes } = this.#open(path);
    // Before there is a buffer: a damaged length may be anything.
    if (!(length >= 0 && from >= 0 && from + length <= bytes)) throw outside(path, from, length);
    const target = new Uint8Array(length);
    this.readInto(path, from, target);
    return target;
  }

  /** As many bytes as `target` has. */
  readInto(path: string, from: number, target: Uint8Array): void {
    const { fd, bytes } = this.#open(path);
    const { length } = target;
    if (!(from >= 0 && from + length <= bytes)) throw outside(path, from, length);
    for (let done = 0; done < length; ) {
      const count = readFile(path, fd, { buffer: target, done, from });
      if (count === 0) throw outside(path, from, length);
      done += count;
    }
    this.#readBytes += length;
  }

  /** Lets go of all files whose path begins so. */
  forget(prefix: string): void {
    for (const path of this.#files.keys()) if (path.startsWith(prefix)) this.#close(path);
  }

  #open(path: string): OpenFile {
    const held = this.#files.get(path);
    if (held !== undefined) {
      this.#files.delete(path);
      this.#files.set(path, held);
      return held;
    }
    const file = openFile(path);
    this.#files.set(path, file);
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= this.#filesMax) break;
      this.#close(oldest);
    }
    return file;
  }

  #close(path: string): void {
    const file = this.#files.get(path);
    this.#files.delete(path);
    if (file !== undefined) closeSync(file.fd);
  }
}

function outside(path: string, from: number, length: number): EngineError {
  return blockCorrupt(`${path}: bytes ${from} + ${length} are not all there`);
}

function openFile(path: string): OpenFile {
  try {
    const fd = openSync(path, "r");
    return { fd, bytes: fstatSync(fd).size };
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw diskError(missing ? "not_found" : "disk_failed", path, error);
  }
}

interface Reading {
  readonly buffer: Uint8Array;
  readonly done: number;
  readonly from: number;
}

function readFile(path: string, fd: number, { buffer, done, from }: Reading): number {
  try {
    return readSync(fd, buffer, done, buffer.length - done, from + done);
  } catch (error) {
    throw diskError("disk_failed", path, error);
  }
}

function diskError(code: "not_found" | "disk_failed", path: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EngineError(code, `${path}: ${reason}`, { cause });
}
