/**
 * `-config.verify`: the same checks as a start, said in lines and an exit code. Files that the
 * configuration names are read as well, as the start would read them: who reads them is given.
 */
import { EngineError } from "../base/error.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./finding.ts";
import { type LoadOptions, loadConfig } from "./load-config.ts";

/** Reads one file, and returns what it warns about; throws EngineError when it cannot be used. */
export type FileCheck = () => readonly string[];

export interface Verified {
  /** As in Tempo: 0 only when there is neither a problem nor a warning. */
  readonly exitCode: 0 | 1;
  readonly lines: readonly string[];
}

export function verifyConfig(
  options: LoadOptions,
  filesOf: (config: Config) => readonly FileCheck[],
): Verified {
  const warnings: string[] = [];
  const problems: string[] = [];
  const check = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      problems.push(...problemsIn(error));
      return undefined;
    }
  };
  const loaded = check(() => loadConfig(options));
  warnings.push(...(loaded?.warnings ?? []));
  for (const file of loaded === undefined ? [] : filesOf(loaded.config)) {
    warnings.push(...(check(file) ?? []));
  }
  const lines = [
    ...warnings.map((line) => `warning: ${line}`),
    ...problems.map((line) => `error: ${line}`),
  ];
  if (problems.length > 0) return { exitCode: 1, lines };
  if (warnings.length === 0) return { exitCode: 0, lines: ["the configuration is valid"] };
  return { exitCode: 1, lines: [...lines, "the configuration is valid, with warnings"] };
}

function problemsIn(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  if (error instanceof EngineError) return [error.message];
  throw error;
}
