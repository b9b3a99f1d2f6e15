/**
 * Vectors that are kept between questions, within a bound. What goes is what is missed least: a
 * stretch of pages as long as the room that is needed, of a few stretches anywhere the one whose
 * vectors were asked for the longest ago, twice, for the pages that they take. So a large vector
 * goes before several small ones. What is worth no more than what it would push out passes by: it
 * is the first to go again. So what one question reads once takes nothing from others, and a
 * question that reads more than there is room for finds again what was there first, whatever the
 * order that it reads in.
 *
 * Nothing goes that the step at hand has touched. A step may have more than the bound, up to the
 * whole region. Whoever works with vectors does so in steps, without waiting for anything in
 * between, and holds none beyond.
 *
 * Threads: one.
 */
import { assert } from "../base/assert.ts";
import { EngineError } from "../base/error.ts";
import { type Prng, prng } from "../base/prng.ts";
import type { Keeper } from "./keeper.ts";
import { RecentUses } from "./recent-uses.ts";
import { PAGE_BYTES, VectorSpace } from "./vector-space.ts";

interface Entry {
  readonly name: string;
  readonly value: unknown;
  readonly first: number;
  readonly pages: number;
  weight: number;
  /** Its place in the list of all. */
  place: number;
  step: number;
  /** The last question that used it, and the one before; 0: none that is known of. */
  used: number;
  usedBefore: number;
}

interface Stretch {
  readonly first: number;
  readonly entries: readonly Entry[];
  /** Of a page. */
  readonly worth: number;
}

/** Of so many the one that is missed least goes: enough to meet one that nobody comes back for. */
const STRETCHES = 16;
const ROOMY_SHARE = 0.75;
/** What was used once is worth less than anything that somebody came back for. */
const ONCE = 2 ** -32;

export class VectorCache implements Keeper {
  readonly #base: number;
  readonly #space: VectorSpace;
  readonly #byName = new Map<string, Entry>();
  readonly #all: Entry[] = [];
  /** By page. */
  readonly #byPage: (Entry | undefined)[] = [];
  readonly #gone = new RecentUses();
  /** What goes first, the newest last. */
  readonly #passing = new Set<Entry>();
  readonly #random: Prng = prng(1);
  #step = 1;
  #question = 1;
  #pagesMax: number;

  constructor(base: number, bytes: number) {
    this.#base = base;
    this.#space = new VectorSpace(base, bytes);
    this.#pagesMax = this.#space.pages;
  }

  get heldBytes(): number {
    return (this.#space.pages - this.#space.freePages) * PAGE_BYTES;
  }

  /** Whether what is read now need not push out what others come back for. */
  get isRoomy(): boolean {
    return this.#space.pages - this.#space.freePages < this.#pagesMax * ROOMY_SHARE;
  }

  /** What is read of a row here and there would push out what questions come back for. */
  isShort = false;

  /** The bound. What is kept beyond it goes when room is needed next. */
  set bytesMax(bytes: number) {
    this.#pagesMax = Math.min(this.#space.pages, Math.ceil(bytes / PAGE_BYTES));
  }

  /**
   * From here on what earlier steps got is no longer theirs. Steps of one question have its number,
   * and later questions higher ones: what one uses in several steps was used once.
   */
  beginStep(question = this.#question + 1): void {
    this.#step++;
    this.#question = question;
  }

  get<T>(name: string, bytes: () => number, fill: (at: number) => T): T {
    const known = this.find<T>(name);
    if (known !== undefined) return known;
    const pages = Math.max(1, Math.ceil(bytes() / PAGE_BYTES));
    const usedBefore = this.#gone.take(name, this.#question);
    const use = { weight: 1, step: this.#step, used: this.#question, usedBefore };
    const { first, isPassing } = this.#take(pages, this.#worthOf(use) / pages);
    const at = this.#base + first * PAGE_BYTES;
    let value: T;
    try {
      value = fill(at);
    } catch (error) {
      this.#space.give(first, pages);
      throw error;
    }
    const entry = { name, value, first, pages, place: this.#all.length, ...use };
    this.#all.push(entry);
    if (isPassing) this.#passing.add(entry);
    this.#byName.set(name, entry);
    this.#setPages(entry, entry);
    return value;
  }

  /** What was made under this name; undefined: nothing is kept under it. */
  find<T>(name: string): T | undefined {
    const known = this.#byName.get(name);
    if (known === undefined) return undefined;
    known.step = this.#step;
    if (known.used < this.#question) {
      known.usedBefore = known.used;
      known.used = this.#question;
      this.#passing.delete(known);
    }
    // What is kept under a name is what `fill` of that name returned.
    return known.value as T;
  }

  /** How many times as much work what is kept under the name is as reading a column. */
  weigh(name: string, weight: number): void {
    const known = this.#byName.get(name);
    if (known === undefined) return;
    known.weight = weight;
    if (weight > 1) this.#passing.delete(known);
  }

  /** Lets go of everything whose name begins so. */
  forget(prefix: string): void {
    for (const [name, entry] of this.#byName) if (name.startsWith(prefix)) this.#drop(entry);
  }

  /** `worth` is that of a page of what the room is for. */
  #take(pages: number, worth: number): { readonly first: number; readonly isPassing: boolean } {
    this.#dropBeyond();
    const free = this.#space.take(pages, this.#pagesMax);
    if (free !== undefined) return { first: free, isPassing: false };
    const least = this.#leastWorth(pages);
    const isPassing = least !== undefined && worth <= least.worth;
    const found = this.#passed(pages) ?? least ?? this.#anyStretch(pages, this.#pagesMax);
    if (found === undefined) return { first: this.#takeBeyond(pages), isPassing };
    return { first: this.#takeStretch(found, pages), isPassing };
  }

  /** Of what passed by alone. */
  #passed(pages: number): Stretch | undefined {
    let tries = STRETCHES;
    for (const { first, step } of this.#passing) {
      if (step === this.#step) continue;
      if (tries-- === 0) return undefined;
      const found = this.#stretch(this.#space.freeBefore(first), pages, this.#pagesMax);
      if (found?.entries.every((entry) => this.#passing.has(entry))) return found;
    }
    return undefined;
  }

  #takeStretch({ first, entries }: Stretch, pages: number): number {
    for (const entry of entries) {
      this.#gone.put(entry.name, entry);
      this.#drop(entry);
    }
    this.#space.takeAt(first, pages);
    return first;
  }

  #takeBeyond(pages: number): number {
    const free = this.#space.take(pages, this.#space.pages);
    if (free !== undefined) return free;
    const any = this.#anyStretch(pages, this.#space.pages);
    if (any !== undefined) return this.#takeStretch(any, pages);
    throw new EngineError("overloaded", "the query needs more memory than it may have");
  }

  #dropBeyond(): void {
    if (this.#space.end <= this.#pagesMax) return;
    for (const entry of [...this.#all]) {
      const isBeyond = entry.first + entry.pages > this.#pagesMax;
      if (isBeyond && entry.step !== this.#step) this.#drop(entry);
    }
  }

  /** Of some that begin anywhere; undefined: all of these have something that the step uses. */
  #leastWorth(pages: number): Stretch | undefined {
    let least: Stretch | undefined;
    for (let i = 0; i < STRETCHES; i++) {
      const page = this.#random.below(this.#space.end);
      const first = this.#space.freeBefore(this.#byPage[page]?.first ?? page);
      const found = this.#stretch(first, pages, this.#pagesMax);
      if (found !== undefined && (least === undefined || found.worth < least.worth)) least = found;
    }
    return least;
  }

  #anyStretch(pages: number, end: number): Stretch | undefined {
    for (const { first } of this.#all) {
      const found = this.#stretch(this.#space.freeBefore(first), pages, end);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** `first` is that of an entry, or free. */
  #stretch(first: number, pages: number, end: number): Stretch | undefined {
    if (first + pages > end) return undefined;
    const entries: Entry[] = [];
    let worth = 0;
    let taken = 0;
    for (let page = first; page < first + pages; ) {
      if (!this.#space.isUsed(page)) {
        page++;
        continue;
      }
      const entry = this.#byPage[page];
      // One that is being filled is not in the list yet.
      if (entry === undefined || entry.step === this.#step) return undefined;
      entries.push(entry);
      worth += this.#worthOf(entry);
      taken += entry.pages;
      page += entry.pages;
    }
    return { first, entries, worth: worth / taken };
  }

  /** By powers of two, so that of what is used alike anything may go. */
  #worthOf({ used, usedBefore, weight }: Pick<Entry, "used" | "usedBefore" | "weight">): number {
    // Steps of earlier questions come between.
    const since = Math.max(1, this.#question - (usedBefore > 0 ? usedBefore : used) + 1);
    const worth = weight * 2 ** -Math.floor(Math.log2(since));
    return usedBefore > 0 ? worth : worth * ONCE;
  }

  #setPages({ first, pages }: Entry, to: Entry | undefined): void {
    for (let page = first; page < first + pages; page++) this.#byPage[page] = to;
  }

  #drop(entry: Entry): void {
    const { name, first, pages, place } = entry;
    const last = this.#all.pop();
    assert(last !== undefined, "vectors: a list without the entry");
    if (last !== entry) {
      this.#all[place] = last;
      last.place = place;
    }
    this.#byName.delete(name);
    this.#passing.delete(entry);
    this.#setPages(entry, undefined);
    this.#space.give(first, pages);
  }
}
