/**
 * Python with the packages of requirements.txt: engines and clients that tests compare with. The
 * packages are installed on first use, into the tests' cache and never into the checkout.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { lockFolder } from "../../src/base/file-lock.ts";

const requirements = join(import.meta.dirname, "requirements.txt");
const INSTALL_POLLS_MAX = 1200;
const POLL_MS = 250;
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;

/** For tests that may be the first to install. */
export const PYTHON_TIMEOUT_MS = 300_000;

/** The interpreter that has the packages. */
export function python(): string {
  const version = run("python3", ["--version"]);
  const hash = createHash("sha256").update(version).update(readFileSync(requirements));
  const cache = process.env["VIVACE_TEST_CACHE"] ?? join(homedir(), ".cache", "vivace");
  const folder = join(cache, `python-${hash.digest("hex").slice(0, 16)}`);
  const interpreter = join(folder, "bin", "python");
  const done = join(folder, "installed");
  if (existsSync(done)) return interpreter;
  mkdirSync(cache, { recursive: true });
  const lock = waitForLock(`${folder}.lock`);
  try {
    if (existsSync(done)) return interpreter;
    rmSync(folder, { recursive: true, force: true });
    run("python3", ["-m", "venv", folder]);
    run(interpreter, ["-m", "pip", "install", "--quiet", "--no-input", "-r", requirements]);
    writeFileSync(done, version);
    return interpreter;
  } finally {
    lock.release();
  }
}

/** Standard output of a script. Throws with its standard error when it fails. */
export function runPython(script: string, ...args: readonly string[]): string {
  return run(python(), ["-I", script, ...args]);
}

/** Test files run side by side; one of them installs, the others wait. */
function waitForLock(folder: string): { release(): void } {
  for (let poll = 0; poll < INSTALL_POLLS_MAX; poll++) {
    const lock = lockFolder(folder);
    if ("release" in lock) return lock;
    Bun.sleepSync(POLL_MS);
  }
  throw new Error(`test: ${folder} stays locked`);
}

function run(command: string, args: readonly string[]): string {
  const options = { encoding: "utf8", maxBuffer: OUTPUT_BYTES_MAX } as const;
  const { error, status, stdout, stderr } = spawnSync(command, args, options);
  if (error) throw new Error(`test: ${command} does not run`, { cause: error });
  if (status !== 0) throw new Error(`test: ${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
