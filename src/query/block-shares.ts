/**
 * Which traces of some blocks lie in several of them. The table says which may (trace-table.ts);
 * their ids are looked at when a block's turn comes, so that blocks nobody asks for are not read.
 *
 * A split trace belongs to the newest block that has some of it: it is assembled when that block's
 * turn comes, and counts in none of the others.
 */
import type { TraceMembers } from "./trace-members.ts";

/** Traces that lie in several blocks. */
export interface Shared {
  /** With all their parts in the order of the log. */
  readonly parts: readonly SplitPart[];
  readonly traces: number;
  /** Names the set of blocks that this follows from. */
  readonly version: string;
}

/** What a block shares with others: the traces that it is the newest block of. */
export interface BlockSplits extends Shared {
  /** Numbers of its traces that lie elsewhere, too. */
  readonly excluded: Uint32Array;
}

export interface SplitPart {
  /** The block's number in the order of the log. */
  readonly block: number;
  /** The trace's number in that block; -1: none of it is there. */
  readonly traces: Int32Array;
}

export const NO_SPLIT: BlockSplits = {
  excluded: new Uint32Array(0),
  parts: [],
  traces: 0,
  version: "",
};

export interface BlockSharesOptions {
  readonly members: TraceMembers;
  /** By block in the order of the log: its slot in the table. */
  readonly slots: readonly number[];
  /** Their ids. */
  readonly ids: readonly string[];
}

const NO_BLOCKS: readonly number[] = [];

/** Lists behind each other. */
interface Lists {
  readonly starts: Uint32Array;
  readonly all: Uint32Array;
}

export class BlockShares {
  readonly members: TraceMembers;
  readonly #ids: readonly string[];
  /** By slot the block's number; -1: it is none of these. */
  readonly #blockOf: Int32Array;
  readonly #byBlock: Lists;
  /** Of each group those of the oldest block first. */
  readonly #byGroup: Lists;
  readonly #splits = new Map<number, BlockSplits>();
  readonly #shared = new Map<number, Shared>();
  /** By block in which pass it was listed last. */
  readonly #listed: Uint32Array;
  #pass = 0;
  /** By block, 1: all ids are known that its splits follow from. */
  readonly #isLearned: Uint8Array;

  constructor({ members, slots, ids }: BlockSharesOptions) {
    this.members = members;
    this.#ids = ids;
    this.#listed = new Uint32Array(slots.length);
    this.#isLearned = new Uint8Array(slots.length);
    this.#blockOf = new Int32Array(slots.reduce((most, slot) => Math.max(most, slot + 1), 0));
    this.#blockOf.fill(-1);
    for (const [block, slot] of slots.entries()) this.#blockOf[slot] = block;
    const every = new Uint32Array(members.count);
    let groups = 0;
    for (let member = 0; member < every.length; member++) {
      every[member] = member;
      groups = Math.max(groups, members.groupOf(member) + 1);
    }
    this.#byBlock = listsBy(every, slots.length, (member) => this.blockOf(members.slotOf(member)));
    this.#byGroup = listsBy(this.#byBlock.all, groups, (member) => members.groupOf(member));
  }

  /** Of a group of the table, those that lie in these blocks. */
  membersOf(group: number): Uint32Array {
    return listAt(this.#byGroup, group);
  }

  /** A block's number by its slot in the table; -1: none of these. */
  blockOf(slot: number): number {
    return this.#blockOf[slot] ?? -1;
  }

  /** Other blocks that may have parts of traces of which this one is the newest. */
  partsOf(block: number): number[] {
    return this.#othersOf(block, (newest) => newest === block);
  }

  /** Blocks of which ids must be known before `splitOf`: others, and this one. */
  unknownOf(block: number): readonly number[] {
    if (this.#isLearned[block] === 1) return NO_BLOCKS;
    const { members } = this;
    const unknown = this.#othersOf(
      block,
      () => true,
      (member) => !members.isKnown(member),
    );
    if (this.unknownIn(block).length > 0) unknown.push(block);
    // What is known stays so.
    if (unknown.length === 0) this.#isLearned[block] = 1;
    return unknown;
  }

  /** Members in the block whose ids are not known. */
  unknownIn(block: number): Uint32Array {
    return listAt(this.#byBlock, block).filter((member) => !this.members.isKnown(member));
  }

  /** All of its traces that lie elsewhere, too, with all their parts in the order of the log. */
  sharedOf(block: number): Shared {
    const known = this.#shared.get(block);
    if (known !== undefined) return known;
    const all: (readonly number[])[] = [];
    for (const member of listAt(this.#byBlock, block)) {
      const same = this.#sameAs(member);
      if (same.length > 1) all.push(same);
    }
    const parts = this.#parts(all);
    const shared = { parts, traces: all.length, version: this.#versionOf(parts) };
    this.#shared.set(block, shared);
    return shared;
  }

  /** Ids that are not known, because a block is damaged, are those of no other trace. */
  splitOf(block: number): BlockSplits {
    const known = this.#splits.get(block);
    if (known !== undefined) return known;
    const split = this.#findSplit(block);
    this.#splits.set(block, split);
    return split;
  }

  #findSplit(block: number): BlockSplits {
    const { members } = this;
    const excluded: number[] = [];
    const owned: (readonly number[])[] = [];
    for (const member of listAt(this.#byBlock, block)) {
      const same = this.#sameAs(member);
      if (same.length < 2) continue;
      excluded.push(members.numberOf(member));
      if (same[same.length - 1] === member) owned.push(same);
    }
    if (excluded.length === 0) return NO_SPLIT;
    const parts = this.#parts(owned.toSorted((a, b) => this.#compare(a, b)));
    return {
      excluded: Uint32Array.from(excluded).sort(),
      parts,
      traces: owned.length,
      version: this.#versionOf(parts),
    };
  }

  /** Members of the same trace, in the order of the log; none when its id is not known. */
  #sameAs(member: number): number[] {
    const { members } = this;
    if (!members.isKnown(member)) return [];
    const same: number[] = [];
    for (const other of this.membersOf(members.groupOf(member))) {
      if (members.isKnown(other) && members.isSame(member, other)) same.push(other);
    }
    return same;
  }

  /** An order that follows from the data alone: by the first two blocks, then by id. */
  #compare(a: readonly number[], b: readonly number[]): number {
    const { members } = this;
    const block = (same: readonly number[], at: number) => this.blockOf(members.slotOf(same[at]));
    const id = (same: readonly number[]) => members.numberOf(same[same.length - 1]);
    return block(a, 1) - block(b, 1) || block(a, 0) - block(b, 0) || id(a) - id(b);
  }

  #parts(owned: readonly (readonly number[])[]): SplitPart[] {
    const { members } = this;
    const traces = new Map<number, Int32Array>();
    for (const [place, same] of owned.entries()) {
      for (const member of same) {
        const block = this.blockOf(members.slotOf(member));
        const numbers = traces.get(block) ?? new Int32Array(owned.length).fill(-1);
        traces.set(block, numbers);
        numbers[place] = members.numberOf(member);
      }
    }
    return Array.from(traces, ([block, numbers]) => ({ block, traces: numbers })).toSorted(
      (a, b) => a.block - b.block,
    );
  }

  /** Another one whenever another trace, or another place of one, is among them. */
  #versionOf(parts: readonly SplitPart[]): string {
    let hash = 0n;
    for (const { block, traces } of parts) {
      hash = BigInt(Bun.hash(this.#ids[block], hash));
      hash = BigInt(Bun.hash(new Uint8Array(traces.buffer), hash));
    }
    return hash.toString(36);
  }

  /** Of the groups that the block is in, by the newest block of each. */
  #othersOf(
    block: number,
    isWanted: (newest: number) => boolean,
    isOne: (member: number) => boolean = () => true,
  ): number[] {
    const { members } = this;
    const others: number[] = [];
    const pass = ++this.#pass;
    this.#listed[block] = pass;
    for (const member of listAt(this.#byBlock, block)) {
      const group = this.membersOf(members.groupOf(member));
      if (!isWanted(this.blockOf(members.slotOf(group[group.length - 1])))) continue;
      for (const one of group) {
        const other = this.blockOf(members.slotOf(one));
        if (this.#listed[other] === pass || !isOne(one)) continue;
        this.#listed[other] = pass;
        others.push(other);
      }
    }
    return others;
  }
}

/** Values by a key below `keys`, those of one key in their order; -1: left out. */
function listsBy(values: Uint32Array, keys: number, keyOf: (value: number) => number): Lists {
  const starts = new Uint32Array(keys + 1);
  for (const value of values) {
    const key = keyOf(value);
    if (key >= 0) starts[key + 1]++;
  }
  for (let key = 0; key < keys; key++) starts[key + 1] += starts[key];
  const all = new Uint32Array(starts[keys]);
  const next = starts.slice();
  for (const value of values) {
    const key = keyOf(value);
    if (key >= 0) all[next[key]++] = value;
  }
  return { starts, all };
}

function listAt({ starts, all }: Lists, key: number): Uint32Array {
  return all.subarray(starts[key], starts[key + 1]);
}
