import { describe, expect, test } from "vitest";
import { startApi } from "./start-api.ts";

async function get(path: string): Promise<readonly [number, string, string | null]> {
  await using api = startApi();
  const response = await fetch(api.url + path);
  return [response.status, await response.text(), response.headers.get("Content-Type")];
}

const version = "vivace, version 0.1.0 (revision: abc, API of Tempo 3.0.0)\n";
const services = `+--------------+---------+---------------+
| service name | status  | failure case  |
+--------------+---------+---------------+
| ingest       | Running |               |
| query        | Failed  | out of memory |
+--------------+---------+---------------+
`;

describe("status pages", () => {
  const pages: readonly (readonly [string, string])[] = [
    ["/status/version", `GET /status/version\n${version}`],
    ["/status/services", `GET /status/services\n${services}`],
    ["/status/config", "GET /status/config\n---\nshown: effective\n"],
    ["/status/config?mode=diff", "GET /status/config\n---\nshown: diff\n"],
    ["/status/config?mode=defaults", "GET /status/config\n---\nshown: defaults\n"],
  ];
  test.each(pages)("%s", async (path, text) => {
    expect(await get(path)).toEqual([200, text, "text/plain"]);
  });

  test("/status/endpoints lists every path", async () => {
    const [status, text] = await get("/status/endpoints");
    expect(status).toBe(200);
    expect(text).toMatch(/^GET \/status\/endpoints\n\+-/);
    for (const row of [
      /\| \/api\/traces\/\{traceID\} +\| any +\|/,
      /\| \/api\/v2\/traces\/\{traceID\} +\| any +\|/,
      /\| \/flush +\| POST +\|/,
      /\| \/status\/\{endpoint\} +\| GET, HEAD +\|/,
    ]) {
      expect(text).toMatch(row);
    }
  });

  test("/status is all of them", async () => {
    const [status, text] = await get("/status");
    expect(status).toBe(200);
    const heads = text.match(/^GET .*$/gm);
    expect(heads).toEqual(
      ["version", "services", "endpoints", "config"].map((name) => `GET /status/${name}`),
    );
    expect(text).toContain(version);
    expect(text).toContain("shown: effective\n");
  });

  test("what is unknown", async () => {
    const none = "no /status/constructor";
    expect((await get("/status/constructor")).slice(0, 2)).toEqual([404, none]);
    const mode = "unknown value for mode query parameter: x";
    expect((await get("/status/config?mode=x")).slice(0, 2)).toEqual([400, mode]);
    expect((await get("/status?mode=x")).slice(0, 2)).toEqual([400, mode]);
  });

  test("are read only", async () => {
    await using api = startApi();
    for (const path of ["/status", "/status/config", "/api/status/buildinfo"]) {
      expect((await fetch(api.url + path, { method: "POST" })).status).toBe(405);
      expect((await fetch(api.url + path, { method: "HEAD" })).status).toBe(200);
    }
  });
});

test("echo", async () => {
  expect(await get("/api/echo")).toEqual([200, "echo\n", "text/plain; charset=utf-8"]);
});

test("build info has Tempo's keys and a version that Grafana trusts", async () => {
  const [status, text, contentType] = await get("/api/status/buildinfo");
  expect([status, contentType]).toEqual([200, expect.stringContaining("application/json")]);
  expect(JSON.parse(text)).toEqual({
    version: "3.0.0",
    revision: "vivace-0.1.0-abc",
    branch: "vivace",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  });
});

test("/api/v2/traces/diff says that it is not built", async () => {
  const [status, text] = await get("/api/v2/traces/diff");
  expect([status, text]).toEqual([501, "/api/v2/traces/diff is not built yet\n"]);
});

test.each(["/", "/api", "/api/mcp", "/api/overrides", "/shutdown", "/status/a/b"])(
  "%s is not found",
  async (path) => {
    expect((await get(path))[0]).toBe(404);
  },
);
