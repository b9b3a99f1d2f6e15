/** Inspections of the store that a configuration names, from command line to exit status. */
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { folderUser } from "../base/file-lock.ts";
import type { Logger } from "../base/log.ts";
import { prng } from "../base/prng.ts";
import { settleMemory } from "../base/runtime-memory.ts";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/finding.ts";
import { type LoadOptions, loadConfig } from "../config/load-config.ts";
import { inspect } from "../inspect/inspect.ts";
import { INSPECT_HELP, readInspectLine } from "../inspect/inspect-line.ts";
import type { StorePlaces } from "../inspect/inspected-store.ts";
import { openStore } from "../store/open-store.ts";
import { compactionLimits } from "./compaction-limits.ts";
import { storeOptions } from "./store-options.ts";
import { readLimits } from "./tenant-limits.ts";

/** What the file of tenants warns about tells the server. */
const NO_LOG: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Returns the exit status; what is wrong with the call or the store is said on standard error. */
export async function inspectStore(
  load: LoadOptions,
  print: (text: string) => void,
): Promise<number> {
  try {
    settleMemory();
    const line = readInspectLine(load.argv);
    if (line.help) {
      print(INSPECT_HELP.trimEnd());
      return 0;
    }
    const { config, warnings } = loadConfig({ ...load, argv: line.rest });
    for (const warning of warnings) process.stderr.write(`vivace: ${warning}\n`);
    const { localPath, walPath } = config;
    const { merging } = compactionLimits(config, readLimits(config.limits, NO_LOG));
    return await inspect(line, {
      places: { localPath, bucket: await bucketOf(config) },
      logPath: join(walPath, "segments"),
      usedBy: folderUser(walPath),
      limits: merging,
      clock: systemClock,
      terminal: process.stderr,
      print,
    });
  } catch (error) {
    const isDisk = error instanceof Error && "syscall" in error;
    if (!(error instanceof EngineError) && !isDisk) throw error;
    const lines = error instanceof ConfigError ? error.problems : [error.message];
    for (const line of lines) process.stderr.write(`vivace: ${line}\n`);
    return 2;
  }
}

async function bucketOf(config: Config): Promise<StorePlaces["bucket"]> {
  const options = storeOptions(config);
  if (options.backend === "local") return undefined;
  const random = prng(process.pid);
  return await openStore(options, { clock: systemClock, random });
}
