/** A server that merges blocks as soon as it may. */
import type { Server, ServerSettings } from "./server.ts";
import { waitFor } from "./wait.ts";

const BELOW = "backend_scheduler.provider.compaction.compaction";
const DEADLINE_MS = 60_000;

/** Spans of other days lie in windows that are over: two blocks are enough for a merge. */
export const EAGER_COMPACTION: ServerSettings = {
  [`${BELOW}.compaction_cycle`]: "100ms",
  [`${BELOW}.compaction_window`]: "24h",
};

/** Of a metric without labels. */
export async function metric(server: Server, name: string): Promise<number> {
  const text = await (await server.get("/metrics")).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  if (line === undefined) throw new Error(`test: no metric ${name}`);
  return Number(line.slice(name.length + 1));
}

/** Resolves when so many blocks were merged since the server's start. */
export async function merged(server: Server, blocks: number): Promise<void> {
  const count = () => metric(server, "tempodb_compaction_blocks_total");
  await waitFor(
    async () => (await count()) >= blocks,
    () => `blocks are not merged:\n${server.log}`,
    DEADLINE_MS,
  );
}
