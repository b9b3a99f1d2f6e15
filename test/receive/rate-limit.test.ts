/** Rates and bursts of tenants, for several threads that share one table. */
import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { limitedSink } from "../../src/receive/limited-sink.ts";
import {
  NO_RATE_LIMIT,
  RATE_TABLE_BYTES,
  type RateLimit,
  RateLimiter,
} from "../../src/receive/rate-limit.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { STORED } from "./start-receiver.ts";

function start(byTenant: Readonly<Record<string, RateLimit>>, others = NO_RATE_LIMIT) {
  const table = new SharedArrayBuffer(RATE_TABLE_BYTES);
  const state = { ms: 1_700_000_000_000 };
  const clock = { nowMs: () => state.ms };
  const limits = { byTenant: new Map(Object.entries(byTenant)), others };
  const limiter = () => new RateLimiter(table, limits, clock);
  return { state, limiter };
}

function outcome(act: () => void): string {
  try {
    act();
    return "taken";
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
}

const limit = { bytesPerSecond: 1000, burstBytes: 2000 };

describe("a tenant", () => {
  test("may send a burst, and then its rate", () => {
    const { state, limiter } = start({ a: limit });
    const rates = limiter();
    const take = (bytes: number) => outcome(() => rates.take("a", bytes));
    expect([take(1500), take(500), take(1)]).toEqual(["taken", "taken", "rate_limited"]);
    state.ms += 500;
    expect([take(501), take(500), take(1)]).toEqual(["rate_limited", "taken", "rate_limited"]);
    state.ms += 60_000;
    expect([take(2000), take(1)]).toEqual(["taken", "rate_limited"]);
    expect(outcome(() => rates.take("b", 1e12))).toBe("taken");
  });

  test("cannot ever send more than a burst at once", () => {
    const rates = start({ a: limit }).limiter();
    expect(outcome(() => rates.take("a", 2001))).toBe("too_large");
    expect(() => rates.take("a", 2001)).toThrow(
      "RATE_LIMITED: batch size (2001 bytes) exceeds ingestion limit (local: 1000 bytes/s, " +
        "global: 0 bytes/s, burst: 2000 bytes) while adding 2001 bytes for user a",
    );
  });

  test("is told what its limit is", () => {
    const rates = start({ a: limit }).limiter();
    rates.take("a", 2000);
    expect(() => rates.take("a", 7)).toThrow(
      "RATE_LIMITED: ingestion rate limit (local: 1000 bytes, global: 0 bytes, burst: 2000 " +
        "bytes) exceeded while adding 7 bytes for user a",
    );
    // Before it is read.
    expect(rates.check("a", 7.25)?.message).toContain("while adding at least 8 bytes for user a");
  });

  test("has one bucket in all threads", () => {
    const { limiter } = start({ a: limit, b: limit });
    const [one, two] = [limiter(), limiter()];
    one.take("a", 1200);
    expect(outcome(() => two.take("a", 900))).toBe("rate_limited");
    expect(outcome(() => two.take("b", 900))).toBe("taken");
    two.take("a", 800);
    expect(outcome(() => one.take("a", 1))).toBe("rate_limited");
  });

  test("with a rate of zero sends nothing", () => {
    const rates = start({ a: { bytesPerSecond: 0, burstBytes: 2000 } }).limiter();
    expect(outcome(() => rates.take("a", 1))).toBe("rate_limited");
  });

  test("is known before a request is read", () => {
    const { state, limiter } = start({ a: limit });
    const rates = limiter();
    const check = (bytes: number) => rates.check("a", bytes)?.code ?? "taken";
    expect([check(2000), check(2001)]).toEqual(["taken", "too_large"]);
    rates.take("a", 2000);
    expect(check(10)).toBe("rate_limited");
    state.ms += 100;
    expect([check(10), check(1000)]).toEqual(["taken", "rate_limited"]);
  });

  test("has new limits at once, and a clock that is set back does no harm", () => {
    const { state, limiter } = start({ a: limit });
    const rates = limiter();
    rates.take("a", 2000);
    const more = { bytesPerSecond: 1_000_000, burstBytes: 5000 };
    rates.setLimits({ byTenant: new Map([["a", more]]), others: NO_RATE_LIMIT });
    expect(outcome(() => rates.take("a", 5000))).toBe("taken");
    expect(outcome(() => rates.take("a", 1))).toBe("rate_limited");
    state.ms -= 3_600_000;
    expect(outcome(() => rates.take("a", 5000))).toBe("taken");
    expect(outcome(() => rates.take("a", 1))).toBe("rate_limited");
  });
});

test("more tenants than the table has room for are limited as well", () => {
  const { limiter } = start({}, limit);
  const rates = limiter();
  for (let i = 0; i < 9000; i++) rates.take(`tenant-${i}`, 2000);
  for (let i = 8500; i < 9000; i++) {
    expect(outcome(() => rates.take(`tenant-${i}`, 1))).toBe("rate_limited");
  }
});

test("a sink that has no room gives back what was taken", () => {
  const rates = start({ a: limit }).limiter();
  let isFull = true;
  const answer = () => (isFull ? undefined : Promise.resolve(STORED));
  const sink = limitedSink({ offer: answer }, rates);
  const bytes = new Uint8Array(1000);
  for (let i = 0; i < 10; i++) expect(sink.offer("a", bytes)).toBeUndefined();
  isFull = false;
  expect(sink.offer("a", bytes)).toBeDefined();
  expect(sink.offer("a", bytes)).toBeDefined();
  expect(outcome(() => void sink.offer("a", bytes))).toBe("rate_limited");
});

test("a sink behind limits is full when the sink is", () => {
  const rates = start({}).limiter();
  for (const isFull of [true, false]) {
    const sink = { isFull, offer: () => undefined };
    expect(limitedSink(sink, rates).isFull).toBe(isFull);
  }
});

test("a request that was read before it is refused says how many spans it had", () => {
  const rates = start({ a: { bytesPerSecond: 1, burstBytes: 10 } }).limiter();
  const sink = limitedSink({ offer: () => undefined }, rates);
  const spans = ["1", "2", "3"].map((spanId) =>
    spanOf({ traceId: "1", spanId, scope: [spanId, "", []] }),
  );
  const request = requestOf(spans);
  expect(() => sink.offer("a", request)).toThrow(expect.objectContaining({ spans: 3 }));
  const none = new Uint8Array(20).fill(255);
  expect(() => sink.offer("a", none)).toThrow(expect.objectContaining({ spans: undefined }));
});
