/**
 * 64 bits as two halves, for times and durations of formats whose units are not nanoseconds.
 * A BigInt would cost an object and a tenth of a microsecond each.
 *
 * Everything is modulo 2^64, as in the Collector: a negative number is its two's complement.
 */
export class Uint64 {
  low = 0;
  high = 0;

  /** Halves of either sign. */
  set(low: number, high: number): void {
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  add(other: Uint64): void {
    const low = this.low + other.low;
    this.high = (this.high + other.high + (low > 0xffff_ffff ? 1 : 0)) >>> 0;
    this.low = low >>> 0;
  }

  /** Seconds become nanoseconds. */
  toNanoseconds(): void {
    this.multiply(1000);
    this.multiply(1000);
    this.multiply(1000);
  }

  /** By at most 2^21. */
  multiply(factor: number): void {
    const low = this.low * factor;
    const high = this.high * factor + Math.floor(low / 2 ** 32);
    this.low = low >>> 0;
    this.high = high % 2 ** 32;
  }

  /** Any safe integer. */
  addNumber(value: number): void {
    const low = this.low + (value >>> 0);
    this.high = (this.high + Math.floor(value / 2 ** 32) + (low > 0xffff_ffff ? 1 : 0)) >>> 0;
    this.low = low >>> 0;
  }
}
