/** System calls of a running process, in the order in which they began and ended. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { waitFor } from "../support/wait.ts";

export interface SystemCall {
  readonly name: string;
  /** All of the line: arguments, "=", result. Descriptors come with their paths. */
  readonly text: string;
  /** Numbers of the lines at which it began and ended. */
  readonly began: number;
  readonly ended: number;
}

/** Why calls cannot be watched here; undefined when they can. Installs strace where it may. */
export function whyNoStrace(): string | undefined {
  if (Bun.which("strace") !== null) return undefined;
  if (process.getuid?.() !== 0) return "strace is not installed, and only root may install it";
  const run = (...args: string[]) => spawnSync("apt-get", args, { stdio: "ignore" }).status === 0;
  const isThere =
    run("install", "-y", "strace") || (run("update") && run("install", "-y", "strace"));
  return isThere && Bun.which("strace") !== null ? undefined : "strace cannot be installed";
}

/** Watches the calls named by `calls` while `during` runs. */
export async function systemCalls(
  { pid, calls, file }: { pid: number; calls: readonly string[]; file: string },
  during: () => Promise<void>,
): Promise<SystemCall[]> {
  const tracer = Bun.spawn({
    cmd: ["strace", "-f", "-y", "-s", "4096", "-o", file]
      .concat(["-e", `trace=${calls.join(",")}`, "-e", "signal=none"])
      .concat(["-p", String(pid)]),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  let said = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of tracer.stderr) said += decoder.decode(piece);
  })();
  try {
    await waitFor(
      () => / attached/.test(said) || tracer.exitCode !== null,
      () => `strace does not attach: ${said}`,
    );
    if (tracer.exitCode !== null) throw new Error(`test: strace: ${said}`);
    await during();
  } finally {
    // It lets go of the process and ends.
    tracer.kill("SIGINT");
    await tracer.exited;
    await reading;
  }
  return parseCalls(readFileSync(file, "utf8"));
}

/** Lines of strace -f; a call that others interrupt is on two lines. */
export function parseCalls(text: string): SystemCall[] {
  const open = new Map<string, { text: string; began: number }>();
  const found: SystemCall[] = [];
  text.split("\n").forEach((line, at) => {
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined) return;
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest);
    if (unfinished) {
      open.set(thread, { text: unfinished[1], began: at });
      return;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const before = resumed ? open.get(thread) : undefined;
    if (resumed && before === undefined) return; // began before anyone watched
    const whole = (before?.text ?? "") + (resumed ? resumed[1] : rest);
    const name = /^(\w+)\(/.exec(whole)?.[1];
    if (name === undefined) return;
    found.push({ name, text: whole, began: before?.began ?? at, ended: at });
  });
  return found;
}
