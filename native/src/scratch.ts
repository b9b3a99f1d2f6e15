/**
 * Where the writer's instance of the kernel keeps what lives no longer than a request:
 *
 *   rejected bitmap · orders of a span and of its events and links · residuals of the same
 *
 * and what it remembers from one half to the next:
 *
 *   sightings of keys without a column · columns that the next half begins with, and their names
 */
import { ATTRIBUTES_MAX, COLUMNS_CARRIED, COLUMNS_MAX, KEY_BYTES_MAX } from "./layout";

export let scratchRejected: u32 = 0;
export let scratchOrder: u32 = 0;
export let scratchChildOrder: u32 = 0;
export let scratchResidual: u32 = 0;
export let scratchChildResidual: u32 = 0;
export let scratchPair: u32 = 0;
export let scratchSketch: u32 = 0; // column-admit.ts
export let scratchRank: u32 = 0; // column-carry.ts
export let scratchCarried: u32 = 0;
export let scratchCarriedText: u32 = 0;

/** A set is a cache line of eight places. 8,192 keys are counted side by side. */
export const SKETCH_SETS: u32 = 1024;
export const SKETCH_SET_BYTES: u32 = 64;
const SKETCH_BYTES: u32 = SKETCH_SETS * SKETCH_SET_BYTES;
const RANK_BYTES: u32 = COLUMNS_MAX * 8;
export const CARRIED_BYTES: u32 = 16;
/** Copies run over the end by up to 15 bytes. */
const CARRIED_TEXT_BYTES: u32 = COLUMNS_CARRIED * KEY_BYTES_MAX + 64;
const KEPT_BYTES: u32 =
  SKETCH_BYTES + RANK_BYTES + COLUMNS_CARRIED * CARRIED_BYTES + CARRIED_TEXT_BYTES;

/** Bytes that the scratch takes for requests of at most `requestBytesMax`. */
export function scratchBytes(requestBytesMax: u32): u32 {
  const orders: u32 = 2 * (ATTRIBUTES_MAX * 2 + 64);
  return 4096 + requestBytesMax / 16 + orders + 3 * (requestBytesMax + 64) + KEPT_BYTES;
}

/** `base` must have scratchBytes(requestBytesMax) behind it. */
export function initScratch(base: u32, requestBytesMax: u32): void {
  scratchRejected = base;
  scratchOrder = (base + requestBytesMax / 16 + 64 + 15) & ~15;
  scratchChildOrder = scratchOrder + ATTRIBUTES_MAX * 2 + 64;
  scratchResidual = scratchChildOrder + ATTRIBUTES_MAX * 2 + 64;
  scratchChildResidual = scratchResidual + requestBytesMax + 64;
  // A message that came in several pieces is put together here.
  scratchPair = scratchChildResidual + requestBytesMax + 64;
  // Memory begins as zeros: nothing sighted, nothing carried.
  scratchSketch = (scratchPair + requestBytesMax + 64 + 63) & ~63;
  scratchRank = scratchSketch + SKETCH_BYTES;
  scratchCarried = scratchRank + RANK_BYTES;
  scratchCarriedText = scratchCarried + COLUMNS_CARRIED * CARRIED_BYTES;
}
