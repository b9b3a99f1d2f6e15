/** Stores that do not hold to conditions, in the few verbs that the probe needs. */
import { afterEach, describe, expect, test } from "vitest";
import type { LogFields, Logger } from "../../src/base/log.ts";
import { probeStore } from "../../src/store/store-probe.ts";
import { bytes } from "./object-store-contract.ts";
import { openBucket } from "./s3-bucket.ts";

let server: Bun.Server<undefined> | undefined;
afterEach(() => server?.stop(true));

/** S3 without signatures; `condition` says what it does about If-None-Match. */
function serve(condition: "ignores" | "knows not" | "refuses") {
  const objects = new Map<string, Uint8Array>();
  const seen: string[] = [];
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const conditional = request.headers.has("if-none-match");
      seen.push(`${request.method}${conditional ? " if absent" : ""}`);
      if (search === "?delete=" || search === "?delete") {
        objects.clear();
        return new Response("<DeleteResult></DeleteResult>");
      }
      const found = objects.get(pathname);
      if (request.method !== "PUT") {
        const body = request.method === "HEAD" ? null : Buffer.from(found ?? []);
        return new Response(body, { status: found === undefined ? 404 : 200 });
      }
      if (conditional && condition === "knows not") {
        const text = "<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>";
        return new Response(text, { status: 501 });
      }
      if (conditional && condition === "refuses") {
        return new Response("<Error><Code>AccessDenied</Code></Error>", { status: 403 });
      }
      objects.set(pathname, await request.bytes());
      return new Response();
    },
  });
  const endpoint = `127.0.0.1:${server.port}`;
  return { store: openBucket({ endpoint, region: "us-east-1" }), seen, objects };
}

function listener(): { logger: Logger; lines: [string, string, LogFields | undefined][] } {
  const lines: [string, string, LogFields | undefined][] = [];
  const at = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push([level, message, fields]);
  const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { logger, lines };
}

describe("a store that holds to no conditions", () => {
  test.each([
    { condition: "ignores", reason: /writes over an object in spite of If-None-Match/ },
    { condition: "knows not", reason: /NotImplemented: no such header/ },
  ] as const)("because it $condition them", async ({ condition, reason }) => {
    const { store, seen, objects } = serve(condition);
    const { logger, lines } = listener();
    await probeStore(store, { where: "s3 b", logger });
    expect(lines).toEqual([
      [
        "warn",
        expect.stringContaining("only this process may use the bucket"),
        { store: "s3 b", reason: expect.stringMatching(reason) },
      ],
    ]);
    expect(objects.size).toBe(0);
    // From now on it looks before it writes.
    seen.length = 0;
    expect(await store.putIfAbsent("a", bytes(1))).toBe(true);
    expect(await store.putIfAbsent("a", bytes(2))).toBe(false);
    expect(await store.get("a")).toEqual(bytes(1));
    expect(seen).toEqual(["HEAD", "PUT", "HEAD", "GET"]);
  });

  test("one that refuses us altogether is no such store", async () => {
    const { store } = serve("refuses");
    const { logger, lines } = listener();
    const asked = probeStore(store, { where: "s3 b", logger });
    await expect(asked).rejects.toMatchObject({ code: "store_refused" });
    expect(lines).toEqual([]);
  });
});
