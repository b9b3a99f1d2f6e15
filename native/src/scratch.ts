/**
 * Where the writer's instance of the kernel keeps what lives no longer than a request.
 *
 *   rejected bitmap · orders of a span and of its events and links · residuals of the same
 */
import { ATTRIBUTES_MAX } from "./layout";

export let scratchRejected: u32 = 0;
export let scratchOrder: u32 = 0;
export let scratchChildOrder: u32 = 0;
export let scratchResidual: u32 = 0;
export let scratchChildResidual: u32 = 0;
export let scratchPair: u32 = 0;

/** Bytes that the scratch takes for requests of at most `requestBytesMax`. */
export function scratchBytes(requestBytesMax: u32): u32 {
  return 4096 + requestBytesMax / 16 + 2 * (ATTRIBUTES_MAX * 2 + 64) + 3 * (requestBytesMax + 64);
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
}
