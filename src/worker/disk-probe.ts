/** Whether a folder's disk takes a file and makes it durable. */
import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { MiB } from "../base/bytes.ts";

export function probeDisk(folder: string): boolean {
  const path = join(folder, ".probe");
  try {
    const fd = openSync(path, "w");
    try {
      writeSync(fd, new Uint8Array(MiB));
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
      unlinkSync(path);
    }
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
