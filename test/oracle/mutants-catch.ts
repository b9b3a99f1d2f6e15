/** A wrong engine, made in a copy of the checkout, held against the oracle. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../support/checkout.ts";
import type { Mutant } from "./mutants.ts";
import { ASKED_KINDS } from "./oracle-ask.ts";
import { runOracle } from "./oracle-server.ts";

/** Few, so that many trace sets are seen soon. */
const QUESTIONS_PER_TENANT = 50;
/** Trace sets sent at once: most mistakes show among the first. */
const TENANTS_FIRST = 8;
const TENANTS_AT_ONCE = 40;

export interface Hunt {
  readonly seed: number;
  /** At most so many of trace sets and questions. */
  readonly pairs: number;
}

/**
 * The question that gives it away; undefined: none did. Of no use unless the right engine agrees on
 * the same pairs: `findDifference` without a root.
 */
export async function catchMutant(mutant: Mutant, hunt: Hunt): Promise<string | undefined> {
  const root = copyWith(mutant);
  try {
    return await findDifference(hunt, root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

export async function findDifference({ seed, pairs }: Hunt, root: string = ROOT) {
  const tenantsMax = Math.ceil(pairs / QUESTIONS_PER_TENANT);
  for (let done = 0; done < tenantsMax; ) {
    const tenants = Math.min(done === 0 ? TENANTS_FIRST : TENANTS_AT_ONCE, tenantsMax - done);
    const found = await runOracle({
      seed: seed + done,
      tenants,
      questionsPerTenant: QUESTIONS_PER_TENANT,
      kinds: ASKED_KINDS,
      root,
      isBrief: true,
    });
    if (found !== undefined) return found;
    done += tenants;
  }
  return undefined;
}

/** Its text with the mistake. */
export function mutated({ file, find, replace }: Mutant): string {
  const parts = readFileSync(join(ROOT, file), "utf8").split(find);
  if (parts.length !== 2) throw new Error(`test: ${file} has ${parts.length - 1} times: ${find}`);
  return parts.join(replace);
}

function copyWith(mutant: Mutant): string {
  const root = mkdtempSync(join(tmpdir(), "vivace-mutant-"));
  for (const name of ["src", "native", "package.json", "package-lock.json", "tsconfig.json"]) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, mutant.file), mutated(mutant));
  if (mutant.file.startsWith("native/")) {
    const { status, stderr } = spawnSync(
      join(root, "node_modules", ".bin", "bun"),
      [join("native", "build.ts"), "--if-changed"],
      { cwd: root, encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`test: the kernel of a mutant is not built: ${stderr}`);
  }
  return root;
}
