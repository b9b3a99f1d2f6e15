import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { startApi } from "./start-api.ts";

describe("/ready", () => {
  test("is 200 or 503 with the reasons", async () => {
    const reasons: string[] = [];
    await using api = startApi({ readiness: { reasons: () => reasons } });
    const ready = await fetch(`${api.url}/ready`);
    expect([ready.status, await ready.text()]).toEqual([200, "ready\n"]);
    reasons.push("replaying the log: 5 of 10 MB", "the disk is full");
    const starting = await fetch(`${api.url}/ready`);
    expect(starting.status).toBe(503);
    expect(await starting.text()).toBe("replaying the log: 5 of 10 MB\nthe disk is full\n");
  });
});

describe("/flush", () => {
  test("answers when the blocks are published", async () => {
    const published = Promise.withResolvers<void>();
    await using api = startApi({ flusher: { flush: () => published.promise } });
    let answered = false;
    const flushing = fetch(`${api.url}/flush`, { method: "POST" }).then((response) => {
      answered = true;
      return response;
    });
    expect((await fetch(`${api.url}/ready`)).status).toBe(200);
    expect(answered).toBe(false);
    published.resolve();
    expect((await flushing).status).toBe(204);
  });

  test("says why not", async () => {
    const failure = new EngineError("disk_failed", "no space left on the data disk");
    await using api = startApi({ flusher: { flush: () => Promise.reject(failure) } });
    const response = await fetch(`${api.url}/flush`, { method: "POST" });
    expect([response.status, await response.text()]).toEqual([503, failure.message]);
  });

  test("is 504 when it takes too long", async () => {
    const flusher = { flush: () => new Promise<never>(() => undefined) };
    await using api = startApi({ flusher }, { flushTimeoutMs: 5 });
    const response = await fetch(`${api.url}/flush`, { method: "POST" });
    const text = "not all blocks are published after 0.005 s; the flush goes on";
    expect([response.status, await response.text()]).toEqual([504, text]);
  });

  test.each(["GET", "PUT", "DELETE"])("%s is 405", async (method) => {
    await using api = startApi();
    const response = await fetch(`${api.url}/flush`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe("POST");
    expect(await response.text()).toBe("use POST\n");
  });
});

describe("/metrics", () => {
  test("is the text with its type", async () => {
    await using api = startApi();
    const response = await fetch(`${api.url}/metrics`);
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4");
    expect(await response.text()).toBe("up 1\n");
  });

  test("a snapshot that fails is 500", async () => {
    const metrics = { contentType: "", text: () => Promise.reject(new Error("no answer")) };
    await using api = startApi({ metrics });
    expect((await fetch(`${api.url}/metrics`)).status).toBe(500);
    expect(api.logged).toHaveLength(1);
  });
});

test("every request is measured", async () => {
  await using api = startApi();
  await fetch(`${api.url}/api/v2/traces/1`);
  await fetch(`${api.url}/api/search/tag/x/values`);
  await fetch(`${api.url}/nowhere`);
  await fetch(`${api.url}/flush`);
  expect(api.answered.map(({ method, route, status }) => [method, route, status])).toEqual([
    ["GET", "api_v2_traces_traceid", 200],
    ["GET", "api_search_tag_tagname_values", 500],
    ["GET", "other", 404],
    ["GET", "flush", 405],
  ]);
  for (const { seconds } of api.answered) expect(seconds).toBeGreaterThan(0);
});

test("a request may wait as long as its deadline on a port that cuts idle ones", async () => {
  const cases: readonly (readonly [number, number, number])[] = [
    [10_000, 60_000, 70],
    [30_500, 1_000, 41],
    [10_000, 3_600_000, 0],
  ];
  for (const [queryTimeoutMs, flushTimeoutMs, expected] of cases) {
    await using api = startApi({}, { queryTimeoutMs, flushTimeoutMs });
    await fetch(`${api.url}/api/echo`);
    expect(api.idleSeconds).toEqual([expected]);
  }
});
