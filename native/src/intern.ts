/**
 * Interning: each distinct string of a half once, in an append-only arena.
 *
 * Open addressing; a slot is hash32 << 32 | entry + 1. The table doubles into its spare, which
 * then becomes the table; readers use entries only, never slots. The hash is seeded, so that a
 * client cannot prepare strings that collide.
 */
import {
  arenaPos,
  entryAt,
  interned,
  KEY_SLOTS,
  keyAt,
  keys,
  keySlotsAt,
  keyTextPos,
  setKeys,
  setSlots,
  setStrings,
  setTraces,
  slotsAt,
  slotsMask,
  slotsSpareAt,
  strings,
  traceIdAt,
  traces,
  traceSlotsAt,
  traceSlotsMask,
  traceSpansAt,
  traceTenantAt,
} from "./half";
import { KEY_BYTES_MAX, KEYS_MAX } from "./layout";

const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;
let seed: u64 = 0;

export function setSeed(low: u32, high: u32): void {
  seed = ((<u64>high) << 32) | low;
}

// @ts-ignore: decorator
@inline
export function hash(p: u32, length: u32): u32 {
  let h: u64 = (<u64>length * MULTIPLIER) ^ seed;
  if (length >= 8) {
    const last = p + length - 8;
    while (p < last) {
      h = (h ^ load<u64>(p)) * MULTIPLIER;
      h ^= h >> 32;
      p += 8;
    }
    h = (h ^ load<u64>(last)) * MULTIPLIER;
  } else if (length) {
    let rest: u64 = 0;
    if (length >= 4) rest = <u64>load<u32>(p) | ((<u64>load<u32>(p + length - 4)) << 32);
    else {
      rest = load<u8>(p);
      rest |= (<u64>load<u8>(p + (length >> 1)) << 8) | (<u64>load<u8>(p + length - 1) << 16);
    }
    h = (h ^ rest) * MULTIPLIER;
  }
  // A product's low bits know nothing of a text's last bytes, where names like user0001 differ.
  return <u32>(((h ^ (h >> 32)) * MULTIPLIER) >> 32);
}

// @ts-ignore: decorator
@inline
export function equal(a: u32, b: u32, length: u32): bool {
  while (length >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
    length -= 8;
  }
  if (length >= 4) {
    if (load<u32>(a) != load<u32>(b)) return false;
    return load<u32>(a + length - 4) == load<u32>(b + length - 4);
  }
  while (length) {
    if (load<u8>(a) != load<u8>(b)) return false;
    a += 1;
    b += 1;
    length -= 1;
  }
  return true;
}

/** Copies, writing up to 15 bytes past the end: only where what follows is not yet in use. */
// @ts-ignore: decorator
@inline
export function copyOver(target: u32, source: u32, length: u32): void {
  if (length > 256) {
    memory.copy(target, source, length);
    return;
  }
  for (let i: u32 = 0; i < length; i += 16) v128.store(target + i, v128.load(source + i));
}

/** The entry of a string, new or known. */
export function intern(p: u32, length: u32): u32 {
  if (length == 0) return 0;
  const h = hash(p, length);
  const mask = slotsMask;
  const table = slotsAt;
  let slot = h & mask;
  while (true) {
    const found = load<u64>(table + slot * 8);
    if (found == 0) break;
    if (<u32>(found >> 32) == h) {
      const id = <u32>found - 1;
      const entry = entryAt + id * 8;
      if (load<u32>(entry, 4) == length && equal(load<u32>(entry), p, length)) return id;
    }
    slot = (slot + 1) & mask;
  }
  const id = strings;
  const at = arenaPos;
  copyOver(at, p, length);
  store<u32>(entryAt + id * 8, at);
  store<u32>(entryAt + id * 8, length, 4);
  store<u64>(table + slot * 8, (<u64>h << 32) | <u64>(id + 1));
  setStrings(id + 1, interned + 1, at + length);
  if (interned * 2 > mask) growSlots();
  return id;
}

function growSlots(): void {
  const oldMask = slotsMask;
  const mask = oldMask * 2 + 1;
  const old = slotsAt;
  const table = slotsSpareAt;
  memory.fill(table, 0, (mask + 1) * 8);
  for (let i: u32 = 0; i <= oldMask; i++) {
    const value = load<u64>(old + i * 8);
    if (value == 0) continue;
    let slot = <u32>(value >> 32) & mask;
    while (load<u64>(table + slot * 8)) slot = (slot + 1) & mask;
    store<u64>(table + slot * 8, value);
  }
  setSlots(table, old, mask);
}

/** A string that is stored without looking for an equal one. */
export function addString(p: u32, length: u32): u32 {
  const id = strings;
  const at = arenaPos;
  copyOver(at, p, length);
  store<u32>(entryAt + id * 8, at);
  store<u32>(entryAt + id * 8, length, 4);
  setStrings(id + 1, interned, at + length);
  return id;
}

/** Hash of the key that was looked for last. */
export let keyHash: u32 = 0;
/** Where it was not found, and so belongs. */
let keySlot: u32 = 0;

/** The number of an attribute's name; KEYS_MAX when no column has it. */
export function findKey(p: u32, length: u32): u32 {
  if (length > <u32>KEY_BYTES_MAX) return KEYS_MAX;
  const h = hash(p, length);
  keyHash = h;
  let slot = h & (KEY_SLOTS - 1);
  while (true) {
    const found = load<u32>(keySlotsAt + slot * 4);
    if (found == 0) break;
    const key = keyAt + (found - 1) * 16;
    if (
      load<u32>(key, 8) == h &&
      load<u32>(key, 4) == length &&
      equal(load<u32>(key), p, length)
    ) {
      return found - 1;
    }
    slot = (slot + 1) & (KEY_SLOTS - 1);
  }
  keySlot = slot;
  return KEYS_MAX;
}

/**
 * Numbers a key that findKey() has just not found, of KEY_BYTES_MAX bytes at most. There is room,
 * for a key comes with a column of its own, and these are fewer than KEYS_MAX.
 */
export function addKey(p: u32, length: u32): u32 {
  const id = keys;
  const at = keyTextPos;
  copyOver(at, p, length);
  const key = keyAt + id * 16;
  store<u32>(key, at);
  store<u32>(key, length, 4);
  store<u32>(key, keyHash, 8);
  store<u32>(keySlotsAt + keySlot * 4, id + 1);
  setKeys(id + 1, at + length);
  return id;
}

/** The index of (tenant, trace id) in the trace table; counts the span that asks. */
export function traceFor(tenant: u32, low: u64, high: u64): u32 {
  let h: u64 = (low ^ (high >> 31) ^ seed ^ (<u64>tenant << 32)) * MULTIPLIER;
  h ^= h >> 32;
  h = (h ^ high) * MULTIPLIER;
  h = (h ^ (h >> 32)) * MULTIPLIER;
  const mask = traceSlotsMask;
  let slot = <u32>(h >> 32) & mask;
  while (true) {
    const found = load<u32>(traceSlotsAt + slot * 4);
    if (found == 0) break;
    const id = traceIdAt + (found - 1) * 16;
    if (
      load<u64>(id) == low &&
      load<u64>(id, 8) == high &&
      load<u32>(traceTenantAt + (found - 1) * 4) == tenant
    ) {
      const count = traceSpansAt + (found - 1) * 4;
      store<u32>(count, load<u32>(count) + 1);
      return found - 1;
    }
    slot = (slot + 1) & mask;
  }
  const index = traces;
  store<u64>(traceIdAt + index * 16, low);
  store<u64>(traceIdAt + index * 16, high, 8);
  store<u32>(traceTenantAt + index * 4, tenant);
  store<u32>(traceSpansAt + index * 4, 1);
  store<u32>(traceSlotsAt + slot * 4, index + 1);
  setTraces(index + 1);
  return index;
}
