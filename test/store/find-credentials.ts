/**
 * Started by a test in an environment that it made: prints the credentials that a store would use,
 * asked for twice, or until they are others, as JSON. With an endpoint it puts and gets an object
 * instead.
 */
import { writeSync } from "node:fs";
import { EngineError } from "../../src/base/error.ts";
import { credentialSource } from "../../src/store/s3/s3-credentials.ts";
import { waitFor } from "../support/wait.ts";
import { openBucket } from "./s3-bucket.ts";

const NONE = { accessKey: "", secretKey: "", sessionToken: "" };

async function found(): Promise<unknown> {
  const endpoint = process.env["TEST_ENDPOINT"];
  if (endpoint !== undefined) {
    const store = openBucket({ endpoint, ...NONE });
    await store.put("by-found-keys", new Uint8Array(3));
    return { bytes: (await store.get("by-found-keys"))?.length };
  }
  const configured = process.env["TEST_KEYS"];
  const keys = { accessKey: configured ?? "", secretKey: configured ?? "", sessionToken: "" };
  const source = credentialSource(keys);
  const first = await source.current();
  const renewed = async () => {
    const second = await source.current();
    return second.accessKeyId !== first.accessKeyId && second;
  };
  if (process.env["TEST_UNTIL_NEW"] === undefined) return { first, second: await source.current() };
  return { first, second: await waitFor(renewed, () => "the keys stay as they are") };
}

const result = await found().catch((error: unknown) => {
  if (!(error instanceof EngineError)) throw error;
  return { code: error.code, message: error.message };
});
writeSync(1, JSON.stringify(result));
process.exit(0);
