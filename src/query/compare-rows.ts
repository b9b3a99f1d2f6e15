/**
 * The rows that compare() counts: their slots, and the codes of what they have. Of an attribute
 * that few spans have these alone are looked at; attributes that come together share their slots.
 */
import { assert } from "../base/assert.ts";
import { MiB } from "../base/bytes.ts";
import type { Compare, Field } from "../traceql/ast.ts";
import { bitmapBytes, type PackedCodes } from "../vector/vector.ts";
import { type CodeTools, type FieldCodes, fieldCodes } from "./field-codes.ts";
import type { FilterBits } from "./filter-bits.ts";
import type { Found } from "./metrics-segment.ts";
import type { CountedRows } from "./row-groups.ts";
import { sharedCodes } from "./shared-codes.ts";
import { NIL } from "./value-compare.ts";

/** Slots of packed rows that are held to the end of the step; with more they are made anew. */
const HELD_BYTES_MAX = 16 * MiB;

interface SidedOf {
  readonly fn: Compare;
  readonly found: Found;
  readonly filter: FilterBits;
}

/** Slots of the selection lie behind those of the others: `slots` of each, from `first` on. */
export interface Sided {
  readonly counted: CountedRows;
  readonly first: number;
  readonly slots: number;
}

/** Takes scratch. */
export function sidedRows({ fn, found, filter }: SidedOf, tools: CodeTools): Sided {
  const { scratch, kernel } = tools;
  const { rows, slotOf, first, slots } = found.counted;
  const sided = scratch.take(rows * 2);
  scratch.bytes.copyWithin(sided, slotOf, slotOf + rows * 2);
  scratch.within(() => {
    kernel.shiftSlots(sided, selectedBits({ fn, found, filter }, tools), rows, slots);
  });
  return { counted: { rows, slotOf: sided, first, slots: slots * 2 }, first, slots };
}

function selectedBits({ fn, found, filter }: SidedOf, { scratch, kernel }: CodeTools): number {
  const { selection, start, end } = fn;
  const { bits, counted } = found;
  const { rows } = counted;
  assert(selection.node === "filter", "query: a selection that is no filter");
  const selected = filter.rows(selection.expr, bits);
  if (start === undefined || end === undefined) return selected;
  const timely = scratch.take(bitmapBytes(rows));
  kernel.rangeLongs(filter.segment.start(), rows, start + 1n, end, timely);
  return filter.bits.and(selected, timely, rows);
}

interface CountedCodes {
  readonly codes: FieldCodes;
  /** The rows that the codes are of. */
  readonly counted: CountedRows;
}

export class ComparedCodes {
  readonly #filter: FilterBits;
  readonly #facts: Found["facts"];
  readonly #counted: CountedRows;
  readonly #tools: CodeTools;
  /** By the address of the bitmap. */
  readonly #slots = new Map<number, number>();
  #heldBytes = 0;

  constructor(
    { filter, found }: Pick<SidedOf, "filter" | "found">,
    { counted }: Sided,
    tools: CodeTools,
  ) {
    this.#filter = filter;
    this.#facts = found.facts;
    this.#counted = counted;
    this.#tools = tools;
  }

  /** Takes scratch. */
  of(field: Field): CountedCodes {
    const packed = this.#packed(field);
    if (packed !== undefined) return this.#ofPacked(packed);
    const counted = this.#counted;
    const said = fieldCodes(this.#filter, { field, slotOf: counted.slotOf }, this.#tools);
    const of = { field, segment: this.#filter.segment, facts: this.#facts };
    return { codes: sharedCodes(said, of, this.#tools), counted };
  }

  #packed(field: Field): PackedCodes | undefined {
    if (field.node !== "attribute" || field.scope !== "span") return undefined;
    return this.#filter.segment.packed(field.name);
  }

  #ofPacked({ at, width, dictionary, present, count }: PackedCodes): CountedCodes {
    const value = (code: number) => (code === 0 ? NIL : dictionary.at(code - 1));
    const codes = { at, width, size: dictionary.size + 1, dictionary, value };
    const slotOf = this.#slotsOf(present, count);
    return { codes, counted: { ...this.#counted, rows: count, slotOf } };
  }

  #slotsOf(present: number, count: number): number {
    const known = this.#slots.get(present);
    if (known !== undefined) return known;
    const { scratch, kernel } = this.#tools;
    const bytes = (count + 8) * 2;
    const isHeld = this.#heldBytes + bytes <= HELD_BYTES_MAX;
    const out = isHeld ? scratch.keep(bytes) : scratch.take(bytes);
    const found = kernel.packSlots(this.#counted.slotOf, present, this.#counted.rows, out) >>> 0;
    assert(found === count, "query: a bitmap of other rows");
    if (isHeld) {
      this.#slots.set(present, out);
      this.#heldBytes += bytes;
    }
    return out;
  }
}
