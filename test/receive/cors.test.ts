import { afterEach, describe, expect, test } from "vitest";
import type { CorsOptions } from "../../src/receive/cors.ts";
import { type Receiver, startReceiver } from "./start-receiver.ts";

const NONE: CorsOptions = {
  allowedOrigins: [],
  allowedHeaders: [],
  exposedHeaders: [],
  maxAgeSeconds: 0,
};

let running: Receiver | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

function start(cors?: Partial<CorsOptions>): Receiver {
  running = startReceiver(cors === undefined ? {} : { cors: { ...NONE, ...cors } });
  return running;
}

function ask({ url }: Receiver, headers: Record<string, string>): Promise<Response> {
  return fetch(url, { method: "OPTIONS", headers });
}

const ASKED = {
  origin: "https://shop.example.com",
  "access-control-request-method": "POST",
  "access-control-request-headers": "content-type",
};
const grantedTo = (response: Response) => response.headers.get("access-control-allow-origin");

describe("a browser that asks before it sends", () => {
  test("is told what it may", async () => {
    const receiver = start({ allowedOrigins: ["https://*.example.com"], maxAgeSeconds: 60 });
    const response = await ask(receiver, ASKED);
    expect(response.status).toBe(204);
    expect(grantedTo(response)).toBe("https://shop.example.com");
    expect(response.headers.get("access-control-allow-methods")).toBe("POST");
    expect(response.headers.get("access-control-allow-headers")).toBe("content-type");
    expect(response.headers.get("access-control-allow-credentials")).toBe("true");
    expect(response.headers.get("access-control-max-age")).toBe("60");
    expect(receiver.offered).toEqual([]);
    expect(receiver.refused).toEqual([]);
  });

  test.each([
    [["https://shop.example.com"], true],
    [["HTTPS://SHOP.example.com"], true],
    [["*"], true],
    [["https://shop.*.com"], true],
    [["http://*"], false],
    [["https://shop.example.com.evil"], false],
    [["https://shop.example.com*shop.example.com"], false],
    [["a", "https://shop.example.com"], true],
    [[], false],
  ])("origins %j", async (allowedOrigins, granted) => {
    const response = await ask(start({ allowedOrigins }), ASKED);
    expect([response.status, grantedTo(response)]).toEqual([
      ...[204, granted ? "https://shop.example.com" : null],
    ]);
  });

  test.each([
    [[], "content-type, accept", true],
    [[], "x-scope-orgid", false],
    [["X-Scope-OrgID"], "content-type,x-scope-orgid", true],
    [["*"], "anything", true],
  ])("headers %j for %s", async (allowedHeaders, headers, granted) => {
    const receiver = start({ allowedOrigins: ["*"], allowedHeaders });
    const response = await ask(receiver, { ...ASKED, "access-control-request-headers": headers });
    expect(grantedTo(response) !== null).toBe(granted);
  });

  test("may not delete", async () => {
    const receiver = start({ allowedOrigins: ["*"] });
    const response = await ask(receiver, { ...ASKED, "access-control-request-method": "DELETE" });
    expect(grantedTo(response)).toBeNull();
  });
});

test("answers, also of errors, name the origin", async () => {
  const receiver = start({ allowedOrigins: ["*"], exposedHeaders: ["retry-after"] });
  for (const [body, status] of [
    ["{}", 200],
    ["[", 400],
  ] as const) {
    const headers = { origin: "https://a", "content-type": "application/json" };
    const response = await fetch(receiver.url, { method: "POST", headers, body });
    expect([response.status, grantedTo(response)]).toEqual([status, "https://a"]);
    expect(response.headers.get("access-control-expose-headers")).toBe("retry-after");
    expect(response.headers.get("vary")).toBe("Origin");
  }
});

test("nothing is said to others, and to nobody when it is not configured", async () => {
  const others = start({ allowedOrigins: ["https://b"] });
  const headers = { origin: "https://a", "content-type": "application/json" };
  const sent = await fetch(others.url, { method: "POST", headers, body: "{}" });
  expect([sent.status, grantedTo(sent)]).toEqual([200, null]);
  await others.stop();
  expect((await ask(start(), ASKED)).status).toBe(405);
});
