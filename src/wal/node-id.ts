/**
 * A random name that stays with the log: positions in the log mean something only together with
 * it. Whole or not there, whenever the process or the machine dies.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";

const FILE = "node-id";

/** The name kept in `folder`, or a new one, durable before it is used. Throws what disks say. */
export function nodeIdOf(folder: string): string {
  const path = join(folder, FILE);
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const id = crypto.randomUUID();
  synced(`${path}.new`, "w", (fd) => writeSync(fd, `${id}\n`));
  renameSync(`${path}.new`, path);
  synced(folder, "r", () => {});
  return id;
}

function synced(path: string, flags: string, use: (fd: number) => void): void {
  const fd = openSync(path, flags, 0o640);
  try {
    use(fd);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
