/**
 * The sidecar's two parts: a split-block bloom filter over (tenant, trace id), and the trace index
 * {hash u32, first row u32} sorted by hash. The hash is that of src/block/trace-hash.ts.
 *
 * Traces are unique in the half's table, so this costs by traces and not by spans.
 */
import { sortedTraceIdAt } from "./chunk-begin";
import { counterAt, pageAt, recordAt, recordSpareAt, traceRowAt } from "./cut";

const LOW_SEED: u32 = 0x9e3779b9;
const BLOCK_BYTES: u32 = 32;

let bloomBlocks: u32 = 0;
let indexCount: u32 = 0;
let indexAt: u32 = 0;

/** An empty filter of `blocks` blocks of 32 bytes, and an empty index. */
export function beginSidecar(blocks: u32): void {
  bloomBlocks = blocks;
  indexCount = 0;
  memory.fill(pageAt, 0, blocks * BLOCK_BYTES);
}

/** Adds the traces of one tenant: `count` sorted places that begin at `first`. */
export function addTraces(first: u32, count: u32, seed: u32, fileRowFirst: u32): void {
  for (let place = first; place < first + count; place++) {
    const id = sortedTraceIdAt(place);
    const high = hashId(id, seed);
    addToBloom(high, hashId(id, seed ^ LOW_SEED));
    const row = load<u32>(traceRowAt + place * 4) - fileRowFirst;
    store<u64>(recordAt + indexCount * 8, <u64>high | (<u64>row << 32));
    indexCount += 1;
  }
}

/** Sorts the index; three stable passes of eleven bits. */
export function finishSidecar(): void {
  sortPass(recordAt, recordSpareAt, 0);
  sortPass(recordSpareAt, recordAt, 11);
  sortPass(recordAt, recordSpareAt, 22);
  indexAt = recordSpareAt;
}

export function bloomAt(): u32 {
  return pageAt;
}

export function traceIndexAt(): u32 {
  return indexAt;
}

function sortPass(from: u32, to: u32, shift: u64): void {
  memory.fill(counterAt, 0, 2048 * 4);
  for (let i: u32 = 0; i < indexCount; i++) {
    const digit = <u32>((load<u64>(from + i * 8) & 0xffffffff) >> shift) & 2047;
    store<u32>(counterAt + digit * 4, load<u32>(counterAt + digit * 4) + 1);
  }
  let sum: u32 = 0;
  for (let i: u32 = 0; i < 2048 * 4; i += 4) {
    const count = load<u32>(counterAt + i);
    store<u32>(counterAt + i, sum);
    sum += count;
  }
  for (let i: u32 = 0; i < indexCount; i++) {
    const entry = load<u64>(from + i * 8);
    const next = counterAt + (<u32>((entry & 0xffffffff) >> shift) & 2047) * 4;
    store<u64>(to + load<u32>(next) * 8, entry);
    store<u32>(next, load<u32>(next) + 1);
  }
}

/** Sets one bit in each of the block's eight words. */
function addToBloom(high: u32, low: u32): void {
  const block = pageAt + <u32>((<u64>high * <u64>bloomBlocks) >> 32) * BLOCK_BYTES;
  setBit(block, low * 0x47b6137b);
  setBit(block + 4, low * 0x44974d91);
  setBit(block + 8, low * 0x8824ad5b);
  setBit(block + 12, low * 0xa2b7289d);
  setBit(block + 16, low * 0x705495c7);
  setBit(block + 20, low * 0x2df1424b);
  setBit(block + 24, low * 0x9efc4947);
  setBit(block + 28, low * 0x5c6bfb31);
}

// @ts-ignore: decorator
@inline
function setBit(word: u32, product: u32): void {
  store<u32>(word, load<u32>(word) | (1 << (product >> 27)));
}

/** murmur3 of 16 bytes. */
export function hashId(id: u32, seed: u32): u32 {
  let hash = mixWord(seed, load<u32>(id));
  hash = mixWord(hash, load<u32>(id, 4));
  hash = mixWord(hash, load<u32>(id, 8));
  hash = mixWord(hash, load<u32>(id, 12)) ^ 16;
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

// @ts-ignore: decorator
@inline
function mixWord(hash: u32, word: u32): u32 {
  const mixed = rotl<u32>(word * 0xcc9e2d51, 15) * 0x1b873593;
  return rotl<u32>(hash ^ mixed, 13) * 5 + 0xe6546b64;
}
