/**
 * Sets of values for lists of them: each once, of lists their elements. They are put in order at
 * the end alone: by type (booleans, numbers, texts, statuses, kinds), then by value; of equal
 * numbers integers come before floats and floats before durations.
 */
import type { Static } from "../traceql/ast.ts";
import type { Value } from "./question.ts";
import { TextNumbers } from "./text-numbers.ts";
import { orderTexts, orderValues } from "./value-order.ts";

/** Plain data: each once, in no order, without nil. */
export interface TagValues {
  readonly texts: readonly string[];
  readonly others: readonly Static[];
}

export interface TagValueBounds {
  /** Each of them: 0 is no bound. */
  readonly limit: number;
  readonly bytesMax: number;
}

type Numeric = "int" | "float" | "duration";
const NUMBERS: readonly Static["type"][] = ["int", "float", "duration"] satisfies Numeric[];
const SURROGATE = /[\ud800-\udfff]/;

export class TagValueSet {
  readonly #texts = new Set<string>();
  readonly #ints = new Set<bigint>();
  readonly #durations = new Set<bigint>();
  /** Without -0, which a Set takes for 0. */
  readonly #floats = new Set<number>();
  /** By type and value. */
  readonly #rare = new Map<string, Static>();
  #bytes = 0;
  /** Texts that are in the set or were, by number. */
  #seen = { numbers: new TextNumbers(), marks: new Uint8Array(0) };

  add(value: Value): void {
    switch (value.type) {
      case "string":
        this.#addText(value.value);
        return;
      case "int":
        this.#ints.add(value.value);
        return;
      case "duration":
        this.#durations.add(value.value);
        return;
      case "float":
        if (Object.is(value.value, -0)) this.#rare.set("-0", value);
        else this.#floats.add(value.value);
        return;
      case "list":
        for (const element of value.values) this.add(element);
        return;
      case "nil":
        return;
      default:
        this.#rare.set(`${value.type} ${value.value}`, value);
    }
  }

  addAll({ texts, others }: TagValues): void {
    for (const text of texts) this.#addText(text);
    for (const value of others) this.add(value);
  }

  /** What was cut off once need not come again. */
  addNumbered(texts: ArrayLike<number> & Iterable<number>, numbers: TextNumbers): void {
    if (this.#seen.numbers !== numbers || this.#seen.marks.length < numbers.size) {
      this.#seen = { numbers, marks: new Uint8Array(numbers.size) };
    }
    const { marks } = this.#seen;
    for (const number of texts) {
      if (marks[number] === 1) continue;
      marks[number] = 1;
      this.#addText(numbers.at(number));
    }
  }

  /** Of those that come first; the last may go beyond the bytes. */
  list({ limit, bytesMax }: TagValueBounds): readonly Static[] {
    const list = this.#ordered();
    const most = limit === 0 ? list.length : Math.min(limit, list.length);
    let bytes = 0;
    for (let i = 0; i < most && bytesMax > 0; i++) {
      if (bytes >= bytesMax) return list.slice(0, i);
      bytes += textBytes(list[i]);
    }
    return list.slice(0, most);
  }

  /**
   * All that a list of so many bytes may need: what is cut off sets of parts would not be in the
   * list of the whole either. 0: no bound.
   */
  values(bytesMax: number): TagValues {
    this.shrink(bytesMax, bytesMax);
    return { texts: [...this.#texts], others: this.#others() };
  }

  /** Keeps the first `bytesMax` bytes, when there are more than `bytesLimit`. 0: keeps all. */
  shrink(bytesMax: number, bytesLimit: number): void {
    const count = this.#ints.size + this.#floats.size + this.#durations.size;
    // No number is shorter than one digit, nor longer than 24.
    if (bytesMax === 0 || this.#bytes + count * 24 <= bytesLimit) return;
    const kept = this.list({ limit: 0, bytesMax });
    for (const set of [this.#texts, this.#ints, this.#durations, this.#floats, this.#rare]) {
      set.clear();
    }
    this.#bytes = 0;
    for (const value of kept) this.add(value);
  }

  #addText(text: string): void {
    const before = this.#texts.size;
    this.#texts.add(text);
    if (this.#texts.size > before) this.#bytes += Buffer.byteLength(text);
  }

  #others(): Static[] {
    return [
      ...this.#rare.values(),
      ...Array.from(this.#ints, (value): Static => ({ type: "int", value })),
      ...Array.from(this.#floats, (value): Static => ({ type: "float", value })),
      ...Array.from(this.#durations, (value): Static => ({ type: "duration", value })),
    ];
  }

  #ordered(): Static[] {
    const others = this.#others().sort(orderTagValues);
    const after = others.findIndex(({ type }) => type === "status" || type === "kind");
    const middle = after < 0 ? others.length : after;
    const texts = [...this.#texts];
    // Without surrogates the order of UTF-16 is that of code points, and quicker to come by.
    if (texts.some((text) => SURROGATE.test(text))) texts.sort(orderTexts);
    else texts.sort();
    return [
      ...others.slice(0, middle),
      ...texts.map((value): Static => ({ type: "string", value })),
      ...others.slice(middle),
    ];
  }
}

/** Zero: it is the same value. */
export function orderTagValues(a: Static, b: Static): number {
  return orderNaN(a, b) || orderValues(a, b) || orderTypes(a, b);
}

/** After all other numbers. */
function orderNaN(a: Static, b: Static): number {
  if (!NUMBERS.includes(a.type) || !NUMBERS.includes(b.type)) return 0;
  return Number(isNaNumber(a)) - Number(isNaNumber(b));
}

function isNaNumber(value: Static): boolean {
  return value.type === "float" && Number.isNaN(value.value);
}

function orderTypes(a: Static, b: Static): number {
  const order = NUMBERS.indexOf(a.type) - NUMBERS.indexOf(b.type);
  if (order !== 0 || a.type !== "float" || b.type !== "float") return order;
  // -0 and 0 are shown as two.
  return Number(Object.is(b.value, -0)) - Number(Object.is(a.value, -0));
}

function textBytes(value: Static): number {
  if (value.type === "nil") return 0;
  return value.type === "string" ? Buffer.byteLength(value.value) : String(value.value).length;
}
