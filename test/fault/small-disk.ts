/** A disk of a few megabytes: a tmpfs, which is full when it says so. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function run(command: string, ...args: string[]): string | undefined {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return status === 0 ? undefined : `${command}: ${stderr.trim()}`;
}

/** Why there can be no such disk here; undefined when there can. */
export function whyNoSmallDisk(): string | undefined {
  if (process.getuid?.() !== 0) return "only root may mount";
  try {
    SmallDisk.mount(8)[Symbol.dispose]();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export class SmallDisk implements Disposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static mount(mebibytes: number): SmallDisk {
    const path = mkdtempSync(join(tmpdir(), "vivace-disk-"));
    const error = run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path);
    if (error === undefined) return new SmallDisk(path);
    rmSync(path, { recursive: true });
    throw new Error(error);
  }

  resize(mebibytes: number): void {
    const error = run("mount", "-o", `remount,size=${mebibytes}m`, this.path);
    if (error !== undefined) throw new Error(error);
  }

  [Symbol.dispose](): void {
    // Lazily: a process that was just ended may still hold a file.
    run("umount", "-l", this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}
