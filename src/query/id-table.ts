/** Numbers by ids of eight bytes, in arrays: an id is two u32 words, a number is above zero. */
const ENTRY_WORDS = 3;
const NUMBER = 2;
const SLOTS_MIN = 256;

export class IdTable {
  /** Entries as they came. */
  #entries = new Uint32Array((SLOTS_MIN / 2) * ENTRY_WORDS);
  /** Index + 1; at most half of them are used. */
  #slots = new Uint32Array(SLOTS_MIN);
  #count = 0;
  /** Clients choose their ids: nobody may know which of them share a slot. */
  readonly #seeds = crypto.getRandomValues(new Uint32Array(2));

  get count(): number {
    return this.#count;
  }

  /** 0 when the id is not there. */
  get(high: number, low: number): number {
    const index = this.#slots[this.#slotOf(high, low)];
    return index === 0 ? 0 : this.#entries[(index - 1) * ENTRY_WORDS + NUMBER];
  }

  set(high: number, low: number, number: number): void {
    let slot = this.#slotOf(high, low);
    if (this.#slots[slot] === 0) {
      if (this.#entries.length === this.#count * ENTRY_WORDS) {
        this.#grow();
        slot = this.#slotOf(high, low);
      }
      this.#entries[this.#count * ENTRY_WORDS] = high;
      this.#entries[this.#count * ENTRY_WORDS + 1] = low;
      this.#slots[slot] = ++this.#count;
    }
    this.#entries[(this.#slots[slot] - 1) * ENTRY_WORDS + NUMBER] = number;
  }

  #slotOf(high: number, low: number): number {
    const mask = this.#slots.length - 1;
    const hash = mixed(mixed(high ^ this.#seeds[0]) ^ low ^ this.#seeds[1]);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot];
      if (index === 0) return slot;
      const at = (index - 1) * ENTRY_WORDS;
      if (this.#entries[at] === high && this.#entries[at + 1] === low) return slot;
    }
  }

  #grow(): void {
    const entries = new Uint32Array(2 * this.#entries.length);
    entries.set(this.#entries);
    this.#entries = entries;
    this.#slots = new Uint32Array(2 * this.#slots.length);
    for (let i = 0; i < this.#count; i++) {
      const slot = this.#slotOf(entries[i * ENTRY_WORDS], entries[i * ENTRY_WORDS + 1]);
      this.#slots[slot] = i + 1;
    }
  }
}

/** The finalizer of murmur3: every bit of the input moves half of the output. */
export function mixed(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
