/**
 * Open files and values read from them, for one thread: a block's files never change, so both
 * stay true until the block is removed.
 *
 * Both are bounded, files by number and values by bytes, and the one unused for longest goes
 * first. A file that was removed on disk stays readable while it is open here; forget() lets go.
 *
 * Of a block in a bucket parts may not be on disk yet: those are waited for (PartialFile).
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { assert } from "../base/assert.ts";
import { EngineError } from "../base/error.ts";
import { blockCorrupt } from "./block-error.ts";

interface OpenFile {
  readonly fd: number;
  readonly bytes: number;
  /** 0 of files that are whole. */
  readonly epoch: number;
}

/**
 * A file that somebody else fills as its parts are asked for, and may throw away and begin anew:
 * then its epoch is another. Bytes that are there before the epoch is looked at are in that epoch's
 * file, also when it has no name any more.
 */
export interface PartialFile {
  readonly bytes: number;
  /** From 0. */
  readonly epoch: number;
  /** The file of an epoch, on the local disk; it may not be there (yet). */
  pathOf(epoch: number): string;
  has(from: number, length: number): boolean;
  /** Returns when the bytes are there, or were and went again. Throws EngineError. */
  fetch(ranges: readonly PartRange[]): void;
}

export interface PartRange {
  readonly offset: number;
  readonly length: number;
}

export interface PartialFiles {
  /** undefined: the path is that of a file as it is. */
  find(path: string): PartialFile | undefined;
}

/** Each time a file was thrown away just when it was asked for. */
const PARTIAL_ATTEMPTS = 100;

interface HeldValue<T> {
  readonly value: T;
  readonly bytes: number;
  /** Number of the use that put it at the end. */
  used: number;
}

/** Values by path of their file, and a part of it. */
export class ValueCache<T> {
  readonly #bytesMax: number;
  // Maps keep the order of insertion: what is used is taken out and put in again, at the end.
  readonly #held = new Map<string, HeldValue<T>>();
  #bytes = 0;
  #uses = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  get(file: string, part = ""): T | undefined {
    const name = nameOf(file, part);
    const held = this.#held.get(name);
    if (held === undefined) return undefined;
    // What was used a moment ago is near the end anyway, and is asked for again and again.
    if (++this.#uses - held.used > this.#held.size / 4) {
      held.used = this.#uses;
      this.#held.delete(name);
      this.#held.set(name, held);
    }
    return held.value;
  }

  /** `bytes` is what the value takes in memory. Returns the value. */
  put(name: { readonly file: string; readonly part?: string }, value: T, bytes: number): T {
    // One that would push out most others is not worth it.
    if (bytes > this.#bytesMax / 4) return value;
    const key = nameOf(name.file, name.part ?? "");
    this.#drop(key);
    this.#held.set(key, { value, bytes, used: this.#uses });
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

function nameOf(file: string, part: string): string {
  return part === "" ? file : `${file}\0${part}`;
}

export class FileCache {
  readonly #filesMax: number;
  readonly #files = new Map<string, OpenFile>();
  readonly #partial: PartialFiles | undefined;
  #readBytes = 0;

  /** `filesMax` descriptors are held open. `partial`: files that are not whole. */
  constructor(filesMax: number, partial?: PartialFiles) {
    assert(filesMax > 0, "file cache: no files");
    this.#filesMax = filesMax;
    this.#partial = partial;
  }

  /** Bytes read from files since the start. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /** Size of a file. Throws `not_found` when it is not there (any more). */
  size(path: string): number {
    return this.#partial?.find(path)?.bytes ?? this.#open(path).bytes;
  }

  /** Bytes `from` to `from + length` of a file, a buffer of their own. */
  read(path: string, from: number, length: number): Uint8Array {
    const bytes = this.size(path);
    // Before there is a buffer: a damaged length may be anything.
    if (!(length >= 0 && from >= 0 && from + length <= bytes)) throw outside(path, from, length);
    const target = new Uint8Array(length);
    this.readInto(path, from, target);
    return target;
  }

  /** As many bytes as `target` has. */
  readInto(path: string, from: number, target: Uint8Array): void {
    const { length } = target;
    const partial = this.#partial?.find(path);
    const { fd, bytes } =
      partial === undefined
        ? this.#open(path)
        : this.#openPartial(path, partial, { offset: from, length });
    if (!(from >= 0 && from + length <= bytes)) throw outside(path, from, length);
    for (let done = 0; done < length; ) {
      const count = readFile(path, fd, { buffer: target, done, from });
      if (count === 0) throw outside(path, from, length);
      done += count;
    }
    this.#readBytes += length;
  }

  /** Whether the bytes can be read without waiting for somebody who brings them. */
  isHere(path: string, offset: number, length: number): boolean {
    return this.#partial?.find(path)?.has(offset, length) ?? true;
  }

  /** Waits once for all that is missing, where reading one after the other would each time. */
  bring(path: string, ranges: readonly PartRange[]): void {
    const partial = this.#partial?.find(path);
    if (partial === undefined) return;
    const { bytes } = partial;
    const missing = ranges.filter(({ offset, length }) => {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes)) {
        throw outside(path, offset, length);
      }
      return !partial.has(offset, length);
    });
    if (missing.length > 0) partial.fetch(missing);
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
    return this.#hold(path, openFile(path));
  }

  #hold(path: string, file: OpenFile): OpenFile {
    this.#files.set(path, file);
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= this.#filesMax) break;
      this.#close(oldest);
    }
    return file;
  }

  /** Open, with the bytes in it. */
  #openPartial(path: string, partial: PartialFile, { offset, length }: PartRange): OpenFile {
    // Nobody is asked for bytes that cannot be.
    if (!(offset >= 0 && offset + length <= partial.bytes)) throw outside(path, offset, length);
    for (let attempt = 0; attempt < PARTIAL_ATTEMPTS; attempt++) {
      const file = this.#ofEpoch(path, partial);
      if (file !== undefined && partial.has(offset, length)) {
        // Only now: see PartialFile.
        if (partial.epoch === file.epoch) return file;
      } else partial.fetch([{ offset, length }]);
    }
    throw new EngineError("overloaded", `${path}: its parts come and go: the cache is too small`);
  }

  #ofEpoch(path: string, partial: PartialFile): OpenFile | undefined {
    const { epoch, bytes } = partial;
    const held = this.#files.get(path);
    if (held?.epoch === epoch) {
      this.#files.delete(path);
      this.#files.set(path, held);
      return held;
    }
    this.#close(path);
    try {
      return this.#hold(path, { fd: openSync(partial.pathOf(epoch), "r"), bytes, epoch });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw diskError("disk_failed", path, error);
    }
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
    return { fd, bytes: fstatSync(fd).size, epoch: 0 };
  } catch (error) {
    throw diskError(isMissing(error) ? "not_found" : "disk_failed", path, error);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
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
