import { describe, expect, test } from "vitest";
import { AssertionError } from "../../src/base/assert.ts";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { InFlight, type Reservation } from "../../src/receive/in-flight.ts";

function codeOf(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
  return "taken";
}

describe("bytes in flight", () => {
  test("over the whole is the server's, over the share the tenant's", () => {
    const inFlight = new InFlight({ bytesMax: 100, tenantBytesMax: 60 });
    const a = inFlight.reserve("a");
    const b = inFlight.reserve("b");
    const c = inFlight.reserve("c");
    expect(codeOf(() => a.hold(61))).toBe("tenant_overloaded");
    expect(codeOf(() => a.hold(60))).toBe("taken");
    expect(codeOf(() => b.hold(41))).toBe("overloaded");
    expect(codeOf(() => b.hold(40))).toBe("taken");
    expect([a.room, b.room, c.room]).toEqual([60, 40, 0]);
    expect(codeOf(() => c.hold(1))).toBe("overloaded");
    expect(codeOf(() => a.hold(10))).toBe("taken");
    expect([inFlight.bytes, inFlight.requests, inFlight.tenants]).toEqual([50, 3, 2]);
    expect(codeOf(() => c.hold(50))).toBe("taken");
    for (const one of [a, b, c]) one.release();
    expect([inFlight.bytes, inFlight.requests, inFlight.tenants]).toEqual([0, 0, 0]);
  });

  test("two requests of one tenant share its share", () => {
    const inFlight = new InFlight({ bytesMax: 100, tenantBytesMax: 60 });
    const one = inFlight.reserve("a");
    const two = inFlight.reserve("a");
    one.hold(40);
    expect(two.room).toBe(20);
    expect(codeOf(() => two.hold(21))).toBe("tenant_overloaded");
    one.release();
    expect(two.room).toBe(60);
    two.release();
  });

  test("tenants that are not told apart have no share", () => {
    const inFlight = new InFlight({ bytesMax: 100, tenantBytesMax: undefined });
    const one = inFlight.reserve("a");
    one.hold(100);
    expect([inFlight.tenants, inFlight.requestBytesMax]).toEqual([0, 100]);
    one.release();
  });

  test("a wrong use is a bug and says so", () => {
    const one = new InFlight({ bytesMax: 100, tenantBytesMax: undefined }).reserve("a");
    expect(() => one.hold(-1)).toThrow(AssertionError);
    one.release();
    expect(() => one.release()).toThrow(AssertionError);
    expect(() => one.hold(1)).toThrow(AssertionError);
  });

  test("sums are those of the reservations, whatever comes (seed 3)", () => {
    const random = prng(3);
    const inFlight = new InFlight({ bytesMax: 1000, tenantBytesMax: 400 });
    const open: { tenant: string; held: number; reservation: Reservation }[] = [];
    const seen = new Set<string>();
    for (let step = 0; step < 20_000; step++) {
      const kind = random.below(4);
      if (kind === 0 && open.length < 12) {
        const tenant = `t${random.below(4)}`;
        open.push({ tenant, held: 0, reservation: inFlight.reserve(tenant) });
      } else if (kind === 1 && open.length > 0) {
        open.splice(random.below(open.length), 1)[0].reservation.release();
      } else if (open.length > 0) {
        const one = open[random.below(open.length)];
        const bytes = random.below(300);
        const { room } = one.reservation;
        const code = codeOf(() => one.reservation.hold(bytes));
        seen.add(code);
        if (code === "taken") one.held = bytes;
        else expect(bytes).toBeGreaterThan(room);
      }
      const all = open.reduce((sum, one) => sum + one.held, 0);
      expect(inFlight.bytes).toBe(all);
      expect(all).toBeLessThanOrEqual(1000);
      for (const { tenant } of open) {
        const its = open.filter((one) => one.tenant === tenant);
        expect(its.reduce((sum, one) => sum + one.held, 0)).toBeLessThanOrEqual(400);
      }
    }
    expect([...seen].sort()).toEqual(["overloaded", "taken", "tenant_overloaded"]);
  });
});
