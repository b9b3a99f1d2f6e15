/** Runs an inspection; the exit status says how it ended. */
import type { Clock } from "../base/clock.ts";
import type { MergeLimits } from "../compact/plan-merges.ts";
import { blockStats, listBlocks, type Shown, showBlock } from "./blocks-command.ts";
import type { InspectLine } from "./inspect-line.ts";
import { InspectedStore, type StorePlaces } from "./inspected-store.ts";
import type { Terminal } from "./progress-line.ts";
import { verifyCommand } from "./verify-command.ts";

export interface InspectWork {
  readonly places: StorePlaces;
  /** Where its segments lie. */
  readonly logPath: string;
  /** Pid of the server that uses the log's folder, if one does. */
  readonly usedBy: number | undefined;
  readonly limits: MergeLimits;
  readonly clock: Clock;
  /** For progress. */
  readonly terminal: Terminal;
  print(line: string): void;
}

/** Rejects with EngineError when it cannot be read. */
export async function inspect(line: InspectLine, work: InspectWork): Promise<number> {
  const store = new InspectedStore(work.places);
  if (line.command === "verify") return await verifyCommand({ ...work, store, ids: line.ids });
  const { json, lines } = await shown(line, store, work);
  if (line.json) work.print(JSON.stringify(json, undefined, 2));
  else for (const one of lines) work.print(one);
  return 0;
}

async function shown(
  line: Exclude<InspectLine, { readonly command: "verify" }>,
  store: InspectedStore,
  { limits, clock }: InspectWork,
): Promise<Shown> {
  if (line.command === "show") return await showBlock(store, line.id);
  const { tenant } = line;
  if (line.command === "list") return await listBlocks(store, tenant);
  return await blockStats(store, { tenant, limits, nowMs: clock.nowMs() });
}
