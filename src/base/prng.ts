/** A seeded generator (xorshift128+ on 32-bit halves is not needed: sfc32 is small and good). */
export interface Prng {
  /** An integer from 0 up to, without, `bound`. */
  below(bound: number): number;
  /** A float from 0 up to, without, 1. */
  unit(): number;
  bytes(length: number): Uint8Array;
}

export function prng(seed: number): Prng {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  const next = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return {
    below: (bound) => Math.floor((next() / 4294967296) * bound),
    unit: () => next() / 4294967296,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 255),
  };
}
