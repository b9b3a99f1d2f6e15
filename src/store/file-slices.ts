/** Parts of local files behind each other: what becomes one object. */
import { open } from "node:fs/promises";
import { EngineError } from "../base/error.ts";
import { fileSize } from "./bucket-objects.ts";

export interface FileSlice {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

export class FileSlices {
  readonly size: number;
  readonly slices: readonly FileSlice[];

  constructor(slices: readonly FileSlice[]) {
    this.slices = slices;
    this.size = slices.reduce((sum, { length }) => sum + length, 0);
  }

  /** disk_failed when there is no such file. */
  static async whole(path: string): Promise<FileSlices> {
    return new FileSlices([{ path, offset: 0, length: await fileSize(path) }]);
  }

  /** Bytes `from` to `end`. Rejects with disk_failed. */
  async bytes(from = 0, end = this.size): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - from);
    let at = 0;
    for (const { path, offset, length } of this.slices) {
      const first = Math.max(from, at);
      const last = Math.min(end, at + length);
      const target = bytes.subarray(first - from, last - from);
      if (first < last) await readExactly(path, offset + first - at, target);
      at += length;
    }
    return bytes;
  }
}

async function readExactly(path: string, offset: number, target: Uint8Array): Promise<void> {
  try {
    const file = await open(path);
    try {
      for (let done = 0; done < target.length; ) {
        const left = target.length - done;
        const { bytesRead } = await file.read(target, done, left, offset + done);
        if (bytesRead === 0) throw new Error(`${path} ends before byte ${offset + target.length}`);
        done += bytesRead;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError("disk_failed", reason, { cause: error });
  }
}
