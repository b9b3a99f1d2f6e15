/** The instance's account gives tokens, and they come with every request. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const SCRIPT = join(import.meta.dirname, "ask-gcs.ts");

const TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token";

let folder: string;
let server: Bun.Server<undefined>;
let seen: string[] = [];
let lastsSeconds = 3_600;
let tokens = 0;

/** Google's metadata and storage at once. */
function serve(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith("/computeMetadata")) {
    seen.push(`${request.method} ${request.headers.get("authorization")}`);
    return new Response("found");
  }
  const headers = { "metadata-flavor": "Google" };
  if (request.headers.get("metadata-flavor") !== "Google") return new Response("", { status: 403 });
  if (pathname !== TOKEN_PATH) return new Response("", { headers });
  seen.push("token");
  const token = {
    access_token: `token-${++tokens}`,
    expires_in: lastsSeconds,
    token_type: "Bearer",
  };
  return Response.json(token, { headers });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vivace-gcs-keys-"));
  server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: serve });
});
afterAll(async () => {
  await server.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

async function ask(env: Readonly<Record<string, string>>): Promise<unknown> {
  seen = [];
  tokens = 0;
  const child = Bun.spawn({
    cmd: [process.execPath, SCRIPT, `http://127.0.0.1:${server.port}`],
    // Nothing of who runs the tests.
    env: { PATH: process.env["PATH"], HOME: folder, ...env },
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return JSON.parse(text);
}

test("one token serves until it is about to expire", async () => {
  const env = { GCE_METADATA_HOST: `127.0.0.1:${server.port}` };
  expect(await ask(env)).toEqual(["found", "found"]);
  expect(seen).toEqual(["token", "GET Bearer token-1", "GET Bearer token-1"]);
  lastsSeconds = 60;
  expect(await ask(env)).toEqual(["found", "found"]);
  expect(seen).toEqual(["token", "GET Bearer token-1", "token", "GET Bearer token-2"]);
});

test("without an account: refused", async () => {
  expect(await ask({ METADATA_SERVER_DETECTION: "none" })).toEqual({
    code: "store_refused",
    message: expect.stringContaining("no credentials for Google"),
  });
  expect(seen).toEqual([]);
});
