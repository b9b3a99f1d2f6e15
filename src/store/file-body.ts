/**
 * Slices of files as the body of a request. The runtime sends a file without a copy of it passing
 * through this process, and a block's object is parts of two; so the slices become one file first,
 * which has no name and goes when it is closed. That takes a third of what it costs to read a block
 * into memory and to send it from there.
 *
 * Where there are no such files (not Linux, some file systems), or no room for one, bytes are read
 * into memory: an upload is what makes room on a disk that is full.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { KiB, MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import type { FileSlice, FileSlices } from "./file-slices.ts";

/** Stays in the processor's cache, and in the thread. */
const BUFFER_BYTES = 128 * KiB;
/** Others have their turn after so many. */
const BYTES_AT_ONCE = 4 * MiB;
/** Smaller ones are read as fast as they are sent. */
const SENT_BYTES_MIN = 64 * KiB;
/** Of Linux; Node has no name for it. */
const O_TMPFILE = 0o20_200_000;
const NO_SUCH_FILES = ["EOPNOTSUPP", "ENOTSUP", "EISDIR", "EINVAL", "ENOENT"];
const NO_ROOM = ["ENOSPC", "EDQUOT"];

export class FileBody implements Disposable {
  readonly #source: FileSlices;
  /** Of one file that has all of it, undefined: it is read from its slices. */
  readonly #file: number | undefined;

  private constructor(source: FileSlices, file: number | undefined) {
    this.#source = source;
    this.#file = file;
  }

  /** Rejects with disk_failed. */
  static async open(source: FileSlices): Promise<FileBody> {
    const [first, ...others] = source.slices;
    if (process.platform !== "linux" || source.size < SENT_BYTES_MIN) {
      return new FileBody(source, undefined);
    }
    try {
      const isOne = others.length === 0 && first.offset === 0;
      const file = isOne ? openWhole(first) : await joined(source.slices);
      return new FileBody(source, file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new EngineError("disk_failed", reason, { cause: error });
    }
  }

  /** Bytes `from` to `end`, to be sent before it is closed. Rejects with disk_failed. */
  async part(from: number, end: number): Promise<Blob | Uint8Array> {
    if (this.#file === undefined) return await this.#source.bytes(from, end);
    return Bun.file(`/proc/self/fd/${this.#file}`).slice(from, end);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

function openWhole({ path, length }: FileSlice): number {
  const file = openSync(path, "r");
  try {
    if (fstatSync(file).size < length) throw new Error(`${path} ends before byte ${length}`);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** undefined: the file system has no files without names, or no room. */
async function joined(slices: readonly FileSlice[]): Promise<number | undefined> {
  const target = openNameless(dirname(slices[0].path));
  if (target === undefined) return undefined;
  try {
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (const slice of slices) {
      for (let done = 0; done < slice.length; done += BYTES_AT_ONCE) {
        const length = Math.min(BYTES_AT_ONCE, slice.length - done);
        append(target, { ...slice, offset: slice.offset + done, length }, buffer);
        if (length === BYTES_AT_ONCE) await new Promise(setImmediate);
      }
    }
    return target;
  } catch (error) {
    closeSync(target);
    if (NO_ROOM.includes(codeOf(error))) return undefined;
    throw error;
  }
}

function append(target: number, { path, offset, length }: FileSlice, buffer: Uint8Array): void {
  const source = openSync(path, "r");
  try {
    for (let done = 0; done < length; ) {
      const bytes = readSync(
        source,
        buffer,
        0,
        Math.min(buffer.length, length - done),
        offset + done,
      );
      if (bytes === 0) throw new Error(`${path} ends before byte ${offset + length}`);
      for (let written = 0; written < bytes; ) {
        written += writeSync(target, buffer, written, bytes - written);
      }
      done += bytes;
    }
  } finally {
    closeSync(source);
  }
}

function openNameless(folder: string): number | undefined {
  try {
    return openSync(folder, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch (error) {
    if ([...NO_SUCH_FILES, ...NO_ROOM].includes(codeOf(error))) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
