/**
 * Folders and files in memory that tell apart what was written and what a completed sync made
 * durable, stop a process at any call, and fail on demand.
 *
 * After a loss of power a file has any part of what was not synced, and a folder any of the names
 * that were made, changed or removed since its last sync. A file whose sync failed must not be
 * synced again: Linux forgets what it could not write. Folders go through the disk's journal.
 */
import type { Prng } from "../../src/base/prng.ts";
import type { BlockDisk, BlockFile } from "../../src/store/block-disk.ts";

interface File {
  content: Uint8Array;
  durable: Uint8Array;
  syncFailed: boolean;
}

interface Folder {
  names: Map<string, Entry>;
  durable: Map<string, Entry>;
  /** A name and what it stands for from then on, in order. */
  pending: [string, Entry | undefined][];
}

type Entry = File | Folder;

export type Loss = "all" | "some" | "none";

/** Ends the process that a test runs. */
export class Stopped extends Error {}

export class CrashTree implements BlockDisk {
  /** Calls that change or sync something, of all processes. */
  calls: string[] = [];
  /** The process ends before the call of this number. */
  stopAt = Number.POSITIVE_INFINITY;
  /** The calls of these numbers fail. */
  fails: readonly number[] = [];
  readonly #random: Prng;
  readonly #root: Folder = folder();

  constructor(random: Prng) {
    this.#random = random;
  }

  losePower(loss: Loss): void {
    this.#lose(this.#root, loss);
  }

  put(path: string, content: Uint8Array): void {
    const entry = { content, durable: content, syncFailed: false };
    const { inside, name } = this.#place(path);
    inside.names.set(name, entry);
    inside.durable.set(name, entry);
  }

  list(path: string): string[] {
    const entry = this.#entry(path);
    return entry && "names" in entry ? [...entry.names.keys()].sort() : [];
  }

  makeFolder(path: string): void {
    if (this.#entry(path) !== undefined) return;
    this.#call("makeFolder");
    this.#set(path, folder());
  }

  create(path: string): BlockFile {
    this.#call("create");
    if (this.#entry(path) !== undefined) throw failure("EEXIST");
    const nothing = new Uint8Array(0);
    const file: File = { content: nothing, durable: nothing, syncFailed: false };
    this.#set(path, file);
    return {
      write: (bytes) => {
        this.#call("write");
        file.content = new Uint8Array(Buffer.concat([file.content, bytes]));
      },
      sync: () => {
        if (file.syncFailed) throw new Error("test: sync after a failed sync");
        file.syncFailed = true;
        this.#call("sync");
        file.syncFailed = false;
        file.durable = file.content;
      },
      close: () => {},
    };
  }

  read(path: string): Uint8Array | undefined {
    const entry = this.#entry(path);
    return entry && "content" in entry ? entry.content : undefined;
  }

  size(path: string): number | undefined {
    return this.read(path)?.length;
  }

  rename(from: string, to: string): void {
    this.#call("rename");
    const entry = this.#entry(from);
    if (entry === undefined) throw failure("ENOENT");
    this.#set(to, entry);
    this.#set(from, undefined);
  }

  unlink(path: string): void {
    this.#call("unlink");
    if (this.read(path) === undefined) throw failure("ENOENT");
    this.#set(path, undefined);
  }

  removeFolder(path: string): void {
    this.#call("removeFolder");
    if (this.list(path).length > 0) throw failure("ENOTEMPTY");
    this.#set(path, undefined);
  }

  syncFolder(path: string): void {
    const entry = this.#entry(path);
    if (entry === undefined || !("names" in entry)) throw failure("ENOENT");
    this.#call("syncFolder");
    for (const [name, made] of entry.pending) setName(entry.durable, name, made);
    entry.pending = [];
  }

  #call(name: string): void {
    const number = this.calls.push(name) - 1;
    if (this.fails.includes(number)) throw failure("EIO");
    if (number >= this.stopAt) throw new Stopped(name);
  }

  #entry(path: string): Entry | undefined {
    let entry: Entry | undefined = this.#root;
    for (const name of path === "" ? [] : path.split("/")) {
      entry = entry && "names" in entry ? entry.names.get(name) : undefined;
    }
    return entry;
  }

  #place(path: string): { inside: Folder; name: string } {
    const at = path.lastIndexOf("/");
    const inside = this.#entry(path.slice(0, Math.max(0, at)));
    if (inside === undefined || !("names" in inside)) throw failure("ENOENT");
    return { inside, name: path.slice(at + 1) };
  }

  #set(path: string, entry: Entry | undefined): void {
    const { inside, name } = this.#place(path);
    setName(inside.names, name, entry);
    inside.pending.push([name, entry]);
  }

  #lose(entry: Entry, loss: Loss): void {
    const isKept = () => loss === "none" || (loss === "some" && this.#random.below(2) === 0);
    if ("content" in entry) {
      const kept = isKept() ? this.#random.below(entry.content.length + 1) : 0;
      const length = loss === "none" ? entry.content.length : kept;
      if (length > entry.durable.length) entry.durable = entry.content.slice(0, length);
      entry.content = entry.durable;
      return;
    }
    for (const [name, made] of entry.pending) {
      if (isKept()) setName(entry.durable, name, made);
    }
    entry.pending = [];
    entry.names = new Map(entry.durable);
    for (const inner of entry.names.values()) this.#lose(inner, loss);
  }
}

function folder(): Folder {
  return { names: new Map(), durable: new Map(), pending: [] };
}

function setName(names: Map<string, Entry>, name: string, entry: Entry | undefined): void {
  if (entry === undefined) names.delete(name);
  else names.set(name, entry);
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code, syscall: "injected" });
}
