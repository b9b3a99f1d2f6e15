/**
 * What a block store needs of a disk, and the real one. Paths are relative to the store's folder,
 * "" being the folder itself. Errors are those of the operating system.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface BlockDisk {
  /** Names in a folder, sorted; none when there is no such folder. */
  list(path: string): string[];
  /** Makes a folder whose parent exists, unless it is there. */
  makeFolder(path: string): void;
  /** Fails when there is one of that name. */
  create(path: string): BlockFile;
  /** undefined when there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Bytes of a file; undefined when there is none. */
  size(path: string): number | undefined;
  /** Replaces what has the new name. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Of an empty folder. */
  removeFolder(path: string): void;
  /** Makes creates, renames and unlinks in this folder durable. */
  syncFolder(path: string): void;
}

export interface BlockFile {
  /** All of `bytes`, at the end of the file. */
  write(bytes: Uint8Array): void;
  /** Contents and size. */
  sync(): void;
  close(): void;
}

const FILE_MODE = 0o640;

/** Creates the store's folder if it is missing, durably. */
export function blockDisk(root: string): BlockDisk {
  if (mkdirSync(root, { recursive: true }) !== undefined) syncPath(dirname(root));
  const at = (path: string): string => join(root, path);
  return {
    list: (path) => unlessMissing(() => readdirSync(at(path)).sort()) ?? [],
    makeFolder: (path) => void mkdirSync(at(path), { recursive: true }),
    create: (path) => blockFile(openSync(at(path), "wx", FILE_MODE)),
    read: (path) => unlessMissing(() => readFileSync(at(path))),
    size: (path) => unlessMissing(() => sizeOf(at(path))),
    rename: (from, to) => renameSync(at(from), at(to)),
    unlink: (path) => unlinkSync(at(path)),
    removeFolder: (path) => rmdirSync(at(path)),
    syncFolder: (path) => syncPath(at(path)),
  };
}

function blockFile(fd: number): BlockFile {
  return {
    write: (bytes) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    },
    sync: () => fsyncSync(fd),
    close: () => closeSync(fd),
  };
}

function sizeOf(path: string): number {
  const fd = openSync(path, "r");
  try {
    return fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
}

function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** ENOTDIR: a stray file where a folder of blocks would be. */
function unlessMissing<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
