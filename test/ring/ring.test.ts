/** Where slots of a ring lie, both sides on one thread. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { RING_CONTROL_BYTES, Ring, type Slot } from "../../src/ring/ring.ts";

const CAPACITY = 64 * 1024;
const NOBODY = new Uint8Array(0);

test("a ring that was restarted takes as much as any other", () => {
  const { ring, take } = startRing();
  // Past the first quarter, with more in it than a ring that starts again may have.
  for (let i = 0; i < 5; i++) offer(ring, 4096);
  take(4);
  const before = ring.backlogBytes;
  let taken = 0;
  while (offer(ring, 4096) >= 0) taken += 4096;
  expect(taken + before).toBeGreaterThan(CAPACITY - 2 * 4096 - 3 * 1024);
});

test("a ring with little in it starts again", () => {
  const { ring, take, addresses } = startRing();
  for (let i = 0; i < 40; i++) {
    expect(offer(ring, 4096)).toBeGreaterThanOrEqual(0);
    take(1);
  }
  expect(Math.max(...addresses) - Math.min(...addresses)).toBeLessThan(CAPACITY / 2);
});

test.each([1, 2, 3])("its backlog is what was offered and not taken, seed %d", (seed) => {
  const random = prng(seed);
  const { ring, take } = startRing();
  const sizes: number[] = [];
  for (let step = 0; step < 20_000; step++) {
    if (random.below(2) === 0) {
      const bytes = random.below(random.below(8) === 0 ? CAPACITY / 4 : 2048);
      if (offer(ring, bytes) >= 0) sizes.push(ring.slotBytes(0, bytes));
    } else {
      const count = random.below(4);
      take(count);
      sizes.splice(0, count);
    }
    expect(ring.backlogBytes).toBe(sizes.reduce((sum, bytes) => sum + bytes, 0));
  }
});

function startRing() {
  const buffer = new SharedArrayBuffer(RING_CONTROL_BYTES + CAPACITY);
  const ring = new Ring({ buffer, base: 0, capacity: CAPACITY, recordHeaderBytes: 8 });
  const slot = emptySlot();
  const addresses: number[] = [];
  return {
    ring,
    addresses,
    take(count: number) {
      for (let i = 0; i < count && ring.peek(ring.done, slot); i++) {
        addresses.push(slot.record);
        ring.finish(slot.next);
      }
      ring.reap(() => {});
    },
  };
}

function offer(ring: Ring, bytes: number): number {
  return ring.offer(NOBODY, new Uint8Array(bytes), { fillHeader: () => {} });
}

function emptySlot(): Slot {
  return {
    ...{ next: 0, orders: 0, limits: 0, result: 0, record: 0, recordBytes: 0 },
    ...{ tenant: 0, tenantBytes: 0, payload: 0, payloadBytes: 0 },
  };
}
