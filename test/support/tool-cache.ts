/**
 * Clients and engines from outside that tests compare with. Installed once, in versions that are
 * pinned, into a cache that outlives the checkout; a change of what goes in makes a new folder.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { lockFolder } from "../../src/base/file-lock.ts";
import { waitFor } from "./wait.ts";

const CLIENTS = join(import.meta.dirname, "clients");

/** For tests that may be the first to install. */
export const INSTALL_TIMEOUT_MS = 600_000;

export interface Tool {
  /** The folder's name begins with it. */
  readonly name: string;
  /** Commands that must be on this machine. */
  readonly commands: readonly string[];
  /** Files of test/support/clients, copied into the folder before `install`. */
  readonly files: readonly string[];
  /** Run in the folder, one after the other. */
  readonly install: readonly (readonly string[])[];
}

/** The commands of a tool that this machine lacks, as a sentence; undefined when it has all. */
function missing(tool: Tool): string | undefined {
  const absent = tool.commands.filter((command) => Bun.which(command) === null);
  if (absent.length === 0) return undefined;
  return `${absent.join(" and ")} not installed on this machine`;
}

/**
 * Whether a test that needs the tool is left out. A developer's machine may lack it; where
 * everything must hold, the test runs and fails with the reason.
 */
export function leftOut(tool: Tool): boolean {
  return missing(tool) !== undefined && !process.env["CI"];
}

/** The title of a test that needs the tool; says why it is left out, if it is. */
export function titled(title: string, tool: Tool): string {
  return leftOut(tool) ? `${title} (left out: ${missing(tool)})` : title;
}

/** The folder with the tool in it, installed when it is not there. */
export async function installed(tool: Tool): Promise<string> {
  const reason = missing(tool);
  if (reason !== undefined) throw new Error(`test: ${tool.name} cannot be installed: ${reason}`);
  const hash = createHash("sha256").update(JSON.stringify(tool.install));
  for (const file of tool.files) hash.update(readFileSync(join(CLIENTS, file)));
  const cache = process.env["VIVACE_TEST_CACHE"] ?? join(homedir(), ".cache", "vivace");
  const folder = join(cache, `${tool.name}-${hash.digest("hex").slice(0, 16)}`);
  const done = join(folder, "installed");
  if (existsSync(done)) return folder;
  const lock = await waitFor(
    () => {
      const taken = lockFolder(`${folder}.lock`);
      return "release" in taken && taken;
    },
    () => `${folder}.lock stays locked`,
    INSTALL_TIMEOUT_MS,
  );
  try {
    if (existsSync(done)) return folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const file of tool.files) {
      writeFileSync(join(folder, file), readFileSync(join(CLIENTS, file)));
    }
    for (const command of tool.install) await run(command, folder);
    writeFileSync(done, "");
    return folder;
  } finally {
    lock.release();
  }
}

/** Standard output of a program. Throws with all that it said when it fails. */
export async function run(command: readonly string[], cwd: string): Promise<string> {
  const child = Bun.spawn({ cmd: [...command], cwd, stdin: "ignore", stderr: "pipe" });
  const [output, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode !== 0) {
    throw new Error(`test: ${command.join(" ")}: exit code ${exitCode}\n${errors}${output}`);
  }
  return output;
}
