/** fuzz-run.ts in a process that is ended when it does not end by itself. */
import { join } from "node:path";
import { ROOT } from "../support/checkout.ts";

export interface FuzzRun {
  /** 137 when it had to be ended: a mutant after the last one that it names does not come back. */
  readonly exitCode: number;
  readonly output: string;
}

export async function runFuzz(args: readonly number[], deadlineMs: number): Promise<FuzzRun> {
  const child = Bun.spawn({
    cmd: [
      join(ROOT, "node_modules", ".bin", "bun"),
      join(ROOT, "test", "fault", "fuzz-run.ts"),
      ...args.map(String),
    ],
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  const output = await new Response(child.stdout).text();
  const exitCode = await child.exited;
  clearTimeout(timer);
  return { exitCode, output };
}
