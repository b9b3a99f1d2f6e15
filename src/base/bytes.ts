/** Sizes and alignment. Byte order is little-endian everywhere; WebAssembly is, so we are. */
export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

/** The next multiple of `unit`, which must be a power of two. */
export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
