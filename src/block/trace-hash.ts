/**
 * The hash of (tenant, trace id) that the bloom filter and the trace index are built on.
 *
 * Two 32-bit murmur3 hashes of the 16 id bytes; the tenant is the seed, so that one id in two
 * tenants is two keys. `high` chooses the block of the filter and is the key of the trace index;
 * `low` chooses the bits inside the block. native/src/bloom.ts does the same; a test compares.
 */
export interface TraceHash {
  readonly high: number;
  readonly low: number;
}

/** Odd, so that both seeds differ in every tenant. */
const LOW_SEED = 0x9e3779b9;

/** Multipliers of the split-block filter, one a word; those of the Parquet specification. */
export const BLOOM_SALTS = [
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
] as const;

/** The seed for a tenant: murmur3 of its UTF-8 name. */
export function tenantSeed(tenant: string): number {
  const bytes = new TextEncoder().encode(tenant);
  let hash = 0;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) hash = mixWord(hash, word(bytes, i, 4));
  if (whole < bytes.length) hash ^= scramble(word(bytes, whole, bytes.length - whole));
  return finish(hash ^ bytes.length);
}

/** `traceId` is 16 bytes. */
export function traceHash(seed: number, traceId: Uint8Array): TraceHash {
  return { high: hashId(seed, traceId), low: hashId(seed ^ LOW_SEED, traceId) };
}

/** Which 32-byte block of the filter a trace is in. */
export function bloomBlock(hash: TraceHash, blocks: number): number {
  return Math.floor((hash.high * blocks) / 4294967296);
}

/** Whether the trace may be in the block; `words` are the eight words of its filter block. */
export function bloomHas(hash: TraceHash, words: ArrayLike<number>): boolean {
  return BLOOM_SALTS.every((salt, i) => (words[i] >>> (Math.imul(hash.low, salt) >>> 27)) & 1);
}

function hashId(seed: number, id: Uint8Array): number {
  let hash = seed;
  for (let i = 0; i < 16; i += 4) hash = mixWord(hash, word(id, i, 4));
  return finish(hash ^ 16);
}

function word(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count; i-- > 0; ) value = (value << 8) | bytes[at + i];
  return value;
}

function scramble(value: number): number {
  const x = Math.imul(value, 0xcc9e2d51);
  return Math.imul((x << 15) | (x >>> 17), 0x1b873593);
}

function mixWord(hash: number, value: number): number {
  const x = hash ^ scramble(value);
  return (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let x = hash;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
