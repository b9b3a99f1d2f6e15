/**
 * Traces whose ids share a hash with others, as a list that only grows: in which group each is,
 * and where it lies. Ids become known when they are needed.
 */
import { EngineError } from "../base/error.ts";

const FIRST_ROOM = 64;
const ID_WORDS = 4;
const ID_BYTES = 16;

export class TraceMembers {
  #count = 0;
  #groups = new Uint32Array(FIRST_ROOM);
  #slots = new Uint32Array(FIRST_ROOM);
  #numbers = new Uint32Array(FIRST_ROOM);
  #ids = new Uint32Array(FIRST_ROOM * ID_WORDS);
  #isKnown = new Uint8Array(FIRST_ROOM);

  get count(): number {
    return this.#count;
  }

  /** `slot` is the block's number in the table, `number` the trace's in the block. */
  add(group: number, slot: number, number: number): void {
    if (this.#count === this.#groups.length) this.#grow();
    this.#groups[this.#count] = group;
    this.#slots[this.#count] = slot;
    this.#numbers[this.#count] = number;
    this.#count++;
  }

  groupOf(member: number): number {
    return this.#groups[member];
  }

  slotOf(member: number): number {
    return this.#slots[member];
  }

  numberOf(member: number): number {
    return this.#numbers[member];
  }

  isKnown(member: number): boolean {
    return this.#isKnown[member] === 1;
  }

  /** Takes the ids of members of one block out of those of all its traces. */
  learn(members: Iterable<number>, ids: Uint8Array): void {
    const known = new Uint8Array(this.#ids.buffer);
    for (const member of members) {
      const at = this.#numbers[member] * ID_BYTES;
      const id = ids.subarray(at, at + ID_BYTES);
      if (id.length < ID_BYTES) throw new EngineError("block_corrupt", "trace index and trace ids");
      known.set(id, member * ID_BYTES);
      this.#isKnown[member] = 1;
    }
  }

  /** Of members that are known. */
  isSame(a: number, b: number): boolean {
    const ids = this.#ids;
    const i = a * ID_WORDS;
    const j = b * ID_WORDS;
    return (
      ids[i] === ids[j] &&
      ids[i + 1] === ids[j + 1] &&
      ids[i + 2] === ids[j + 2] &&
      ids[i + 3] === ids[j + 3]
    );
  }

  #grow(): void {
    const room = this.#groups.length * 2;
    const groups = new Uint32Array(room);
    const slots = new Uint32Array(room);
    const numbers = new Uint32Array(room);
    const ids = new Uint32Array(room * ID_WORDS);
    const isKnown = new Uint8Array(room);
    groups.set(this.#groups);
    slots.set(this.#slots);
    numbers.set(this.#numbers);
    ids.set(this.#ids);
    isKnown.set(this.#isKnown);
    this.#groups = groups;
    this.#slots = slots;
    this.#numbers = numbers;
    this.#ids = ids;
    this.#isKnown = isKnown;
  }
}
