/**
 * Objects as files of a local disk: the key is the path below the root.
 *
 *   <root>/<key>   <root>/.unfinished/<process>-<number>
 *
 * Invariants:
 * (1) A file gets its name when it is whole and synced: by rename() in place of another, by link()
 *     where there must be none. So nothing is visible in part, and of many processes one wins.
 * (2) A write has succeeded when the names on its path are synced too, up to the root: a folder
 *     may be one that another process made a moment ago and has not synced yet.
 * (3) Folders go when they are empty; a write whose folder went meanwhile makes it again.
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync } from "node:fs";
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  unlink,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { tooShort } from "./bucket-objects.ts";
import { type FileSlice, FileSlices } from "./file-slices.ts";
import { UNFINISHED_FOLDER, walkObjects } from "./object-disk-list.ts";
import type { ByteRange, ObjectInfo, ObjectStore, StoreProbe } from "./object-store.ts";
import { assertKey, assertRange, LIST_PAGE_KEYS } from "./object-store.ts";
import { probeConditions } from "./store-probe.ts";
import { RequestCounter, type StoreRequests } from "./store-requests.ts";

const FILE_MODE = 0o640;

/** Between making a folder and putting a name into it, others may remove it; not this often. */
const FOLDER_ATTEMPTS = 100;

export class DiskObjects implements ObjectStore {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #counter = new RequestCounter();
  #temporaries = 0;

  /** Creates the folder if it is missing, durably. */
  constructor(root: string, clock: Clock = systemClock) {
    this.#root = resolve(root);
    const made = mkdirSync(this.#root, { recursive: true });
    if (made !== undefined) syncFolderSync(dirname(made));
    this.#clock = clock;
  }

  get(key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    assertKey(key);
    return this.#counted("GET", async () => {
      signal?.throwIfAborted();
      const found = await unlessMissing(readFile(join(this.#root, key), { signal }));
      signal?.throwIfAborted();
      if (found === undefined) return undefined;
      this.#counter.bytesReceived += found.length;
      return new Uint8Array(found.buffer, found.byteOffset, found.length);
    });
  }

  getRange(key: string, range: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    assertKey(key);
    assertRange(range);
    return this.#counted("GET", async () => {
      signal?.throwIfAborted();
      const file = await unlessMissing(open(join(this.#root, key), "r"));
      if (file === undefined) throw new EngineError("not_found", `object ${key} is not there`);
      try {
        const bytes = new Uint8Array(range.length);
        for (let done = 0; done < range.length; ) {
          const left = range.length - done;
          const { bytesRead } = await file.read(bytes, done, left, range.offset + done);
          if (bytesRead === 0) throw tooShort(key, range, done);
          done += bytesRead;
          signal?.throwIfAborted();
        }
        this.#counter.bytesReceived += range.length;
        return bytes;
      } finally {
        await file.close();
      }
    });
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    assertKey(key);
    return this.#counted("PUT", () =>
      this.#written(
        (path) => writeSynced(path, bytes),
        (path) => this.#name(path, key),
      ),
    );
  }

  putFile(key: string, path: string): Promise<void> {
    assertKey(key);
    return this.#counted("PUT", () =>
      this.#written(
        (temporary) => copySynced(path, temporary),
        (temporary) => this.#name(temporary, key),
      ),
    );
  }

  putSlices(key: string, slices: readonly FileSlice[]): Promise<void> {
    assertKey(key);
    return this.#counted("PUT", () =>
      this.#written(
        (temporary) => writeSlicesSynced(new FileSlices(slices), temporary),
        (temporary) => this.#name(temporary, key),
      ),
    );
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    assertKey(key);
    return this.#counted("PUT", () =>
      this.#written(
        (path) => writeSynced(path, bytes),
        (path) => this.#nameIfAbsent(path, key),
      ),
    );
  }

  async *list(prefix: string, after?: string): AsyncIterable<readonly ObjectInfo[]> {
    let page: ObjectInfo[] = [];
    for await (const object of walkObjects(this.#root, { prefix, after })) {
      page.push(object);
      if (page.length < LIST_PAGE_KEYS) continue;
      this.#counter.add("LIST", "ok", 0);
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) assertKey(key);
    return this.#counted("DELETE", async () => {
      const folders = new Set<string>();
      for (const key of keys) {
        const path = join(this.#root, key);
        await unlessMissing(unlink(path));
        folders.add(dirname(path));
      }
      for (const folder of folders) await this.#tidy(folder);
    });
  }

  sweep(ageMs: number): Promise<number> {
    return this.#counted("SWEEP", async () => {
      const folder = join(this.#root, UNFINISHED_FOLDER);
      let swept = 0;
      for (const name of (await unlessMissing(readdir(folder))) ?? []) {
        const path = join(folder, name);
        const found = await unlessMissing(stat(path));
        if (found === undefined || found.mtimeMs > this.#clock.nowMs() - ageMs) continue;
        await unlessMissing(unlink(path));
        swept++;
      }
      return swept;
    });
  }

  probe(): Promise<StoreProbe> {
    return probeConditions(this);
  }

  requests(): StoreRequests {
    return this.#counter.snapshot();
  }

  /** Writes a temporary file and lets `name` give it its name; it never stays behind. */
  async #written<Result>(
    write: (path: string) => Promise<number>,
    name: (path: string) => Promise<Result>,
  ): Promise<Result> {
    const folder = join(this.#root, UNFINISHED_FOLDER);
    await mkdir(folder, { recursive: true });
    const unique = `${process.pid}-${this.#clock.nowMs()}-${Bun.nanoseconds()}`;
    const path = join(folder, `${unique}-${this.#temporaries++}`);
    try {
      this.#counter.bytesSent += await write(path);
      return await name(path);
    } finally {
      await unlessMissing(unlink(path));
    }
  }

  async #name(temporary: string, key: string): Promise<void> {
    const path = join(this.#root, key);
    await inFolder(path, () => rename(temporary, path));
    await this.#syncUpwards(dirname(path));
  }

  async #nameIfAbsent(temporary: string, key: string): Promise<boolean> {
    const path = join(this.#root, key);
    const named = await inFolder(path, () =>
      link(temporary, path).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === "EEXIST") return false;
          throw error;
        },
      ),
    );
    // Also of another's file, which may be so new that it is not durable yet.
    await this.#syncUpwards(dirname(path));
    return named;
  }

  /** Makes the removal durable and removes the folders that it left empty. */
  async #tidy(folder: string): Promise<void> {
    let at = folder;
    for (; at !== this.#root; at = dirname(at)) {
      assert(at.length > this.#root.length, "store: tidied above the root");
      const code = await rmdir(at).then(() => "", codeOf);
      if (code !== "" && code !== "ENOENT") break;
    }
    await unlessMissing(syncFolder(at));
  }

  /** A folder that is gone held a file that somebody has deleted since: that needs no sync. */
  async #syncUpwards(folder: string): Promise<void> {
    for (let at = folder; ; at = dirname(at)) {
      await unlessMissing(syncFolder(at));
      if (at === this.#root) return;
    }
  }

  async #counted<Result>(operation: string, work: () => Promise<Result>): Promise<Result> {
    const began = performance.now();
    let status = "error";
    try {
      const result = await work();
      status = "ok";
      return result;
    } catch (error) {
      throw diskError(error);
    } finally {
      this.#counter.add(operation, status, (performance.now() - began) / 1_000);
    }
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<number> {
  const file = await open(path, "wx", FILE_MODE);
  try {
    for (let done = 0; done < bytes.length; ) {
      done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
    }
    await file.sync();
    return bytes.length;
  } finally {
    await file.close();
  }
}

/** At a time. */
const COPIED_BYTES = 8 * MiB;

async function writeSlicesSynced(source: FileSlices, path: string): Promise<number> {
  const file = await open(path, "wx", FILE_MODE);
  try {
    for (let at = 0; at < source.size; ) {
      const bytes = await source.bytes(at, Math.min(source.size, at + COPIED_BYTES));
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
      }
      at += bytes.length;
    }
    await file.sync();
    return source.size;
  } finally {
    await file.close();
  }
}

async function copySynced(source: string, path: string): Promise<number> {
  await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const file = await open(path, "r+");
  try {
    await file.chmod(FILE_MODE);
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/**
 * Makes the folder of `path` for `name`, again when somebody removed it in between: also between
 * the two looks of mkdir(), which then says EEXIST of what is not there.
 */
async function inFolder<Result>(path: string, name: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    let isMade = false;
    try {
      await mkdir(dirname(path), { recursive: true });
      isMade = true;
      return await name();
    } catch (error) {
      const code = codeOf(error);
      const isRemoved = code === "ENOENT" || (code === "EEXIST" && !isMade);
      if (!isRemoved || attempt === FOLDER_ATTEMPTS) throw error;
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function syncFolderSync(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** ENOTDIR: a file where a folder of the key would be. EISDIR: a folder of other keys. */
async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}

/** What the operating system says becomes ours; aborts and bugs pass. */
function diskError(error: unknown): unknown {
  if (!(error instanceof Error) || !("errno" in error)) return error;
  return new EngineError("disk_failed", error.message, { cause: error });
}
