/** `-config.verify`: the same checks as a start, said in lines and an exit code. */
import { ConfigError } from "./finding.ts";
import { type LoadOptions, loadConfig } from "./load-config.ts";

export interface Verified {
  /** As in Tempo: 0 only when there is neither a problem nor a warning. */
  readonly exitCode: 0 | 1;
  readonly lines: readonly string[];
}

export function verifyConfig(options: LoadOptions): Verified {
  try {
    const { warnings } = loadConfig(options);
    const lines = warnings.map((line) => `warning: ${line}`);
    if (lines.length === 0) return { exitCode: 0, lines: ["the configuration is valid"] };
    return { exitCode: 1, lines: [...lines, "the configuration is valid, with warnings"] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { exitCode: 1, lines: error.problems.map((line) => `error: ${line}`) };
  }
}
