/** Started by a test in an environment that it made: reads an object twice, prints what it read. */
import { writeSync } from "node:fs";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { openGcs } from "../../src/store/gcs/open-gcs.ts";

const store = openGcs(
  {
    ...{ bucket: "b", prefix: "", chunkBytes: 262_144, endpoint: process.argv[2] ?? "" },
    ...{ insecure: false, cacheControl: "", metadata: {} },
    policy: {
      ...{ attemptsMax: 2, waitInitialMs: 5, waitMsMax: 50, attemptMs: 20_000 },
      ...{ hedgeAtMs: 0, hedgeUpTo: 2 },
    },
  },
  { random: prng(1) },
);

const read = async () => new TextDecoder().decode(await store.get("a"));

async function readTwice(): Promise<unknown> {
  const first = await read();
  return [first, await read()];
}

const result = await readTwice().catch((error: unknown) => {
  if (!(error instanceof EngineError)) throw error;
  return { code: error.code, message: error.message };
});
writeSync(1, JSON.stringify(result));
process.exit(0);
