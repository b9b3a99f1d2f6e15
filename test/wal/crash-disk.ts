/**
 * A disk in memory that forgets: it tells apart what a program wrote (the page cache) and what a
 * completed sync made durable, and fails on demand.
 *
 *   writev, truncate ─▶ content  (what reads see)
 *                       pending ──syncData()──▶ durable ──losePower()──▶ content
 *   create, rename, unlink ─▶ names, pendingNames ──syncFolder()──▶ durableNames
 *
 * A sync that fails behaves as Linux does: some of the pending writes reached the disk, the others
 * are dropped from what a later sync would write, while reads go on showing them. Writing, cutting
 * or syncing such a file again is a bug of the caller and throws an error without a code.
 */
import type { Prng } from "../../src/base/prng.ts";
import { BUFFERS_PER_WRITE_MAX, type WalDisk, type WalFile } from "../../src/wal/wal-file.ts";

type Op = { readonly at: number; readonly bytes: Uint8Array } | { readonly truncate: number };

interface Inode {
  content: Uint8Array;
  durable: Uint8Array;
  pending: Op[];
  syncFailed: boolean;
}

/** Of a rename, `from` is the name that goes in the same moment. */
type NameOp = {
  readonly name: string;
  readonly inode: Inode | undefined;
  readonly from?: string;
};

export type Call =
  | "create"
  | "open"
  | "read"
  | "writev"
  | "truncate"
  | "syncData"
  | "syncFolder"
  | "rename"
  | "unlink";

/** Which unsynced writes survive the loss of power. */
export type Loss = "all" | "suffix" | "some" | "none";

const SECTOR = 512;

export class CrashDisk implements WalDisk {
  /** Asked before each call; a code makes it fail. */
  fault: (call: Call) => string | undefined = () => undefined;
  /** How many of `bytes` a write takes. */
  shorten: (bytes: number) => number = (bytes) => bytes;
  /** Bytes that fit on the disk. */
  capacity = Number.POSITIVE_INFINITY;
  /** Of every call that succeeded, in order. */
  readonly calls: string[] = [];
  readonly #random: Prng;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #pendingNames: NameOp[] = [];
  readonly #open = new Set<Inode>();
  #life = 0;

  constructor(random: Prng) {
    this.#random = random;
  }

  // ---- for tests

  get bytes(): number {
    let sum = 0;
    for (const inode of this.#names.values()) sum += inode.content.byteLength;
    return sum;
  }

  /** Bytes of files that have a handle and no name. */
  get namelessBytes(): number {
    let sum = 0;
    for (const inode of this.#open) {
      if (![...this.#names.values()].includes(inode)) sum += inode.content.byteLength;
    }
    return sum;
  }

  content(name: string): Uint8Array {
    const inode = this.#names.get(name);
    if (!inode) throw new Error(`test: no file ${name}`);
    return inode.content;
  }

  /** The same for a file whatever it is called. */
  identity(name: string): object | undefined {
    return this.#names.get(name);
  }

  /** Puts a file there, durably. */
  put(name: string, content: Uint8Array): void {
    const inode = { content: content.slice(), durable: content.slice(), pending: [] };
    this.#names.set(name, { ...inode, syncFailed: false });
    this.#durableNames.set(name, this.#names.get(name) as Inode);
  }

  /** The process dies, the machine does not: nothing is lost, and nothing is synced. */
  kill(): void {
    this.#life++;
    for (const inode of this.#names.values()) inode.syncFailed = false;
  }

  /** The machine dies. */
  losePower(loss: Loss): void {
    this.kill();
    const keptNames = this.#kept(this.#pendingNames, loss);
    const names = new Map(this.#durableNames);
    for (const op of keptNames) setName(names, op);
    this.#names = names;
    this.#durableNames = new Map(names);
    this.#pendingNames = [];
    for (const inode of new Set(names.values())) {
      for (const op of this.#kept(inode.pending, loss)) this.#applyTorn(inode, op, loss);
      inode.pending = [];
      inode.syncFailed = false;
      inode.content = inode.durable.slice();
    }
  }

  // ---- WalDisk

  list(): string[] {
    return [...this.#names.keys()];
  }

  create(name: string): WalFile {
    this.#call("create");
    if (this.#names.has(name)) throw failure("EEXIST");
    const nothing = new Uint8Array(0);
    const inode = { content: nothing, durable: nothing, pending: [], syncFailed: false };
    this.#names.set(name, inode);
    this.#pendingNames.push({ name, inode });
    return this.#handle(inode, true);
  }

  open(name: string, mode: "read" | "write"): WalFile {
    this.#call("open");
    const inode = this.#names.get(name);
    if (!inode) throw failure("ENOENT");
    return this.#handle(inode, mode === "write");
  }

  rename(from: string, to: string): void {
    this.#call("rename");
    const inode = this.#names.get(from);
    if (!inode) throw failure("ENOENT");
    if (this.#names.has(to)) throw new Error(`test: ${from} renamed over ${to}`);
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.#pendingNames.push({ name: to, inode, from });
  }

  unlink(name: string): void {
    this.#call("unlink");
    if (!this.#names.delete(name)) throw failure("ENOENT");
    this.#pendingNames.push({ name, inode: undefined });
  }

  syncFolder(): void {
    this.#call("syncFolder");
    for (const op of this.#pendingNames) setName(this.#durableNames, op);
    this.#pendingNames = [];
  }

  #handle(inode: Inode, writable: boolean): WalFile {
    const life = this.#life;
    let open = true;
    this.#open.add(inode);
    const enter = (call: Call, writing: boolean) => {
      if (!open) throw new Error(`test: ${call} on a closed file`);
      if (life !== this.#life) throw new Error(`test: ${call} by a dead process`);
      if (writing && !writable) throw new Error(`test: ${call} on a file open for reading`);
      if (writing && inode.syncFailed) throw new Error(`test: ${call} after a failed sync`);
      if (call !== "syncData") this.#call(call);
    };
    return {
      size: () => inode.content.byteLength,
      read: (into, at) => {
        enter("read", false);
        const part = inode.content.subarray(at, at + into.byteLength);
        into.set(part);
        return part.byteLength;
      },
      writev: (buffers, at) => {
        enter("writev", true);
        if (buffers.length > BUFFERS_PER_WRITE_MAX) throw failure("EINVAL");
        return this.#write(inode, joined(buffers), at);
      },
      truncate: (bytes) => {
        enter("truncate", true);
        this.#apply(inode, { truncate: bytes });
      },
      syncData: () => {
        enter("syncData", true);
        this.#sync(inode);
      },
      close: () => {
        open = false;
        this.#open.delete(inode);
      },
    };
  }

  #call(call: Call): void {
    const code = this.fault(call);
    if (code !== undefined) throw failure(code);
    this.calls.push(call);
  }

  #write(inode: Inode, bytes: Uint8Array, at: number): number {
    const room = this.capacity - this.bytes + Math.max(0, inode.content.byteLength - at);
    const taken = Math.min(this.shorten(bytes.byteLength), room);
    if (taken <= 0 && bytes.byteLength > 0) throw failure("ENOSPC");
    this.#apply(inode, { at, bytes: bytes.slice(0, taken) });
    return taken;
  }

  #apply(inode: Inode, op: Op): void {
    inode.content = applied(inode.content, op);
    inode.pending.push(op);
  }

  #sync(inode: Inode): void {
    const code = this.fault("syncData");
    if (code === undefined) {
      for (const op of inode.pending) inode.durable = applied(inode.durable, op);
      this.calls.push("syncData");
    } else {
      for (const op of this.#kept(inode.pending, "some")) this.#applyTorn(inode, op, "some");
      inode.syncFailed = true;
    }
    inode.pending = [];
    if (code !== undefined) throw failure(code);
  }

  #kept<T>(ops: readonly T[], loss: Loss): readonly T[] {
    if (loss === "all") return [];
    if (loss === "none") return ops;
    if (loss === "suffix") return ops.slice(0, this.#random.below(ops.length + 1));
    return ops.filter(() => this.#random.below(2) === 0);
  }

  /** Of a write, any sectors may be missing. */
  #applyTorn(inode: Inode, op: Op, loss: Loss): void {
    if ("truncate" in op || loss === "none") {
      inode.durable = applied(inode.durable, op);
      return;
    }
    if (loss === "suffix") {
      const bytes = op.bytes.slice(0, this.#random.below(op.bytes.byteLength + 1));
      inode.durable = applied(inode.durable, { at: op.at, bytes });
      return;
    }
    for (let from = 0; from < op.bytes.byteLength; ) {
      const to = Math.min(op.bytes.byteLength, from + SECTOR - ((op.at + from) % SECTOR));
      if (this.#random.below(4) !== 0) {
        const bytes = op.bytes.slice(from, to);
        inode.durable = applied(inode.durable, { at: op.at + from, bytes });
      }
      from = to;
    }
  }
}

function setName(names: Map<string, Inode>, op: NameOp): void {
  if (op.from !== undefined) names.delete(op.from);
  if (op.inode) names.set(op.name, op.inode);
  else names.delete(op.name);
}

function applied(content: Uint8Array, op: Op): Uint8Array {
  if ("truncate" in op) {
    const next = new Uint8Array(op.truncate);
    next.set(content.subarray(0, op.truncate));
    return next;
  }
  const end = op.at + op.bytes.byteLength;
  const next = end > content.byteLength ? new Uint8Array(end) : content.slice();
  if (end > content.byteLength) next.set(content);
  next.set(op.bytes, op.at);
  return next;
}

function joined(buffers: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0));
  let at = 0;
  for (const buffer of buffers) {
    bytes.set(buffer, at);
    at += buffer.byteLength;
  }
  return bytes;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
