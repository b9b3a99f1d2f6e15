/**
 * Filters over a segment: which of its rows an expression is true for.
 *
 * What speaks of one field is asked once for each value that the field has, not for each row;
 * logic is done on bitmaps; only what compares fields with each other goes row by row, over those
 * rows that the rest leaves. The conditions on events that a filter joins by && at its top must
 * hold on one event, those on links on one link.
 */
import type { PickExports, ScanExports } from "../kernel/scan-kernel.ts";
import type { Field, FieldExpr, IntrinsicName } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { type Compiled, compile, isTrue, type Reader, type Readers, type Spot } from "./compile.ts";
import { conditionOf } from "./condition.ts";
import { type FieldColumns, fieldColumns, hexAt, type Layer } from "./field-columns.ts";
import { fieldScope, fieldsOf, spokenOf } from "./field-of.ts";
import { isNoneOf, presentBits, testFewCodes, testFewLongs, testLayer } from "./layer-test.ts";
import { codeOf } from "./number-vectors.ts";
import type { Value } from "./question.ts";
import { RowBits } from "./row-bits.ts";
import type { ListScope, Segment } from "./segment.ts";
import { isCompareOp, NIL } from "./value-compare.ts";

export interface FilterTools {
  readonly scratch: StepScratch;
  readonly kernel: ScanExports & PickExports;
}

/** Where the lists of rows lie, and which entries are elements. */
interface ListPlaces {
  readonly starts: number;
  readonly elements: number;
}

/** So many rows are asked one by one sooner than all of the segment at once. */
const FEW_ROWS = 64;

/** One row of so many is sparse: it costs less to look at them alone. */
const SPARSE_SHARE = 24;
/** With more values it costs less to look for the one that is meant. */
const CODES_MAX = 4096;
/** But not for rows that are fewer by so much: their own values are looked at. */
const ROWS_PER_VALUE = 4;
const NUMBER_BYTES = 8;

/** Intrinsics whose values are in a dictionary. */
const TEXTS: readonly IntrinsicName[] = ["name", "status", "kind", "statusMessage"];

/** An expression may be of thousands of words. */
const ROW_WORK = 64;

export class FilterBits {
  readonly segment: Segment;
  readonly bits: RowBits;
  readonly #scratch: StepScratch;
  readonly #kernel: ScanExports;
  readonly #columns = new Map<string, FieldColumns>();

  constructor(segment: Segment, { scratch, kernel }: FilterTools) {
    this.segment = segment;
    this.#scratch = scratch;
    this.#kernel = kernel;
    this.bits = new RowBits(scratch, kernel);
  }

  /** Rows of `within` for which the filter is true. */
  rows(expr: FieldExpr, within: number): number {
    const conjuncts = conjunctsOf(expr);
    const ofLists = conjuncts.filter((one) => spokenOf(one).length > 0);
    const others = conjuncts.filter((one) => !ofLists.includes(one));
    let found = within;
    for (const one of this.#byCost(others)) found = this.#and(found, one);
    if (ofLists.length > 0) found = this.#joined(ofLists, found);
    return found;
  }

  /** Whether no row can pass, as the values tell that its fields have: rows are not looked at. */
  isNone(expr: FieldExpr): boolean {
    if (expr.node !== "binary") return false;
    if (expr.op === "&&") return this.isNone(expr.left) || this.isNone(expr.right);
    if (expr.op === "||") return this.isNone(expr.left) && this.isNone(expr.right);
    const [field, ...others] = fieldsOf(expr);
    if (!isCompareOp(expr.op) || field === undefined || others.length > 0) return false;
    // Others are not known without their rows.
    const isText = field.node === "intrinsic" && TEXTS.includes(field.name);
    const isOfSpan =
      field.node === "attribute" && (field.scope === "span" || field.scope === "none");
    if (!isText && !isOfSpan) return false;
    const { layers, missing } = this.columns(field);
    const condition = conditionOf(expr);
    return !condition.test(missing) && layers.every((layer) => isNoneOf(layer, condition));
  }

  columns(field: Field): FieldColumns {
    const name = printField(field);
    let columns = this.#columns.get(name);
    if (columns === undefined) {
      columns = fieldColumns(this.segment, field, this.#scratch);
      this.#columns.set(name, columns);
    }
    return columns;
  }

  /** `asValues`: events and links of spans that have none count as one without content. */
  readers({ fields }: Pick<Compiled, "fields">, asValues = false): Readers {
    const { words } = this.#scratch;
    const first = (scope: ListScope, row: number): number => {
      const places = this.places(scope);
      return places === undefined ? 0 : words[places.starts / 4 + row];
    };
    const end = (scope: ListScope, row: number): number => {
      const places = this.places(scope);
      if (places === undefined) return 0;
      const from = words[places.starts / 4 + row];
      const to = words[places.starts / 4 + row + 1];
      // The place of an empty list.
      return to === from + 1 && !this.bits.has(places.elements, from) ? from : to;
    };
    const isEmpty = (scope: ListScope, row: number) => first(scope, row) === end(scope, row);
    const reader = (field: Field): Reader => {
      const scope = fieldScope(field);
      const read = this.#reader(field);
      if (scope === "row") return read;
      const empty = asValues ? emptyValue(field) : NIL;
      return (spot) => (isEmpty(scope, spot.row) ? empty : read(spot));
    };
    const isPresent = (scope: ListScope, row: number) => (asValues && isEmpty(scope, row) ? 1 : 0);
    return {
      fields: fields.map(reader),
      first,
      end,
      valueEnd: (scope, row) => end(scope, row) + isPresent(scope, row),
    };
  }

  readonly #placesOf = new Map<ListScope, ListPlaces | undefined>();

  /** Where the lists of rows are, and which entries are elements; undefined: no row has any. */
  places(scope: ListScope): ListPlaces | undefined {
    if (this.#placesOf.has(scope)) return this.#placesOf.get(scope);
    const { segment, bits } = this;
    const lists = segment.lists(scope);
    const places = lists && {
      starts: lists.starts,
      elements: this.#kept(this.#elements(scope, bits.all(segment.rows)), lists.entries),
    };
    this.#placesOf.set(scope, places);
    return places;
  }

  /** A bitmap that may be used for all of the step. */
  #kept(bits: number, entries: number): number {
    const bytes = bitmapBytes(entries);
    const at = this.#scratch.keep(bytes);
    this.#scratch.bytes.copyWithin(at, bits, bits + bytes);
    return at;
  }

  /** The field's value at a spot; of events and links at the entry that the spot names. */
  #reader(field: Field): Reader {
    const { layers, missing, scope } = this.columns(field);
    const read = layers.map((layer) => this.#layerReader(layer));
    return (spot) => {
      const entry = scope === "row" ? spot.row : spot[scope];
      for (const one of read) {
        const value = one(entry, spot.row);
        if (value.type !== "nil") return value;
      }
      return missing;
    };
  }

  #and(within: number, expr: FieldExpr): number {
    const { bits, segment } = this;
    const count = bits.count(within, segment.rows);
    if (count <= FEW_ROWS || this.#isByRow(expr)) return this.#eachRow(expr, within);
    const isSparse = count * SPARSE_SHARE <= segment.rows;
    const sparse = isSparse ? this.#andSparse(within, count, expr) : undefined;
    if (sparse !== undefined) return sparse;
    return bits.and(within, this.#bitsOf(expr, within), segment.rows);
  }

  /** Of a field of one column, by what these rows have; undefined for any other expression. */
  #andSparse(within: number, count: number, expr: FieldExpr): number | undefined {
    if (expr.node !== "binary" || !isCompareOp(expr.op) || this.#leaves.has(expr)) return undefined;
    const fields = fieldsOf(expr);
    if (fields.length !== 1 || fieldScope(fields[0]) !== "row") return undefined;
    const { layers, missing, entries } = this.columns(fields[0]);
    const [layer] = layers;
    if (layers.length !== 1) return undefined;
    const condition = conditionOf(expr);
    if (condition.test(missing)) return undefined;
    const tools = { scratch: this.#scratch, kernel: this.#kernel, bits: this.bits };
    const of = { entries, within, condition };
    if (layer.kind === "longs" && layer.type !== "float") return testFewLongs(layer, of, tools);
    if (layer.kind !== "codes") return undefined;
    const isLarge = layer.size > CODES_MAX && layer.size < count * ROWS_PER_VALUE;
    return isLarge ? undefined : testFewCodes(layer, of, tools);
  }

  /** Rows for which it is true; rows outside of `within` may be in or not. */
  #bitsOf(expr: FieldExpr, within: number): number {
    const { bits, segment } = this;
    const { rows } = segment;
    if (expr.node === "literal") {
      return expr.value.type === "bool" && expr.value.value ? bits.all(rows) : bits.none(rows);
    }
    if (expr.node === "binary" && expr.op === "&&") {
      const left = this.#bitsOf(expr.left, within);
      return bits.and(left, this.#bitsOf(expr.right, bits.and(within, left, rows)), rows);
    }
    if (expr.node === "binary" && expr.op === "||") {
      const left = this.#bitsOf(expr.left, within);
      return bits.or(left, this.#bitsOf(expr.right, bits.without(within, left, rows)), rows);
    }
    if (expr.node === "unary" && expr.op === "!" && isAlwaysBool(expr.operand)) {
      return bits.not(this.#bitsOf(expr.operand, within), rows);
    }
    if (this.#isByRow(expr)) return this.#eachRow(expr, within);
    const fields = fieldsOf(expr);
    if (fields.length === 0) {
      const value = compile(expr).run(this.readers({ fields: [] }), {
        row: 0,
        event: -1,
        link: -1,
      });
      return isTrue(value) ? bits.all(rows) : bits.none(rows);
    }
    const [field] = fields;
    const scope = fieldScope(field);
    if (scope === "row") return this.#leaf(expr, field);
    return this.#rowsWith(scope, this.#leaf(expr, field));
  }

  /** Not one field, or one of events in another place than a single comparison. */
  #isByRow(expr: FieldExpr): boolean {
    if (expr.node === "binary" && (expr.op === "&&" || expr.op === "||")) {
      return this.#isByRow(expr.left) && this.#isByRow(expr.right);
    }
    if (expr.node === "unary" && expr.op === "!" && isAlwaysBool(expr.operand)) {
      return this.#isByRow(expr.operand);
    }
    const fields = fieldsOf(expr);
    if (fields.length > 1) return true;
    if (fields.length === 0 || fieldScope(fields[0]) === "row") return false;
    // The general way knows how far a field of events reaches.
    return !(expr.node === "binary" && isCompareOp(expr.op) && !isNested(expr));
  }

  /** What goes row by row comes last. */
  #byCost(exprs: readonly FieldExpr[]): readonly FieldExpr[] {
    if (exprs.length < 2) return exprs;
    const priced = exprs.map((expr) => ({ expr, cost: this.#cost(expr) }));
    return priced.sort((a, b) => a.cost - b.cost).map(({ expr }) => expr);
  }

  /** Bytes a row that are looked at: what costs least comes first, and leaves the others less. */
  #cost(expr: FieldExpr): number {
    if (this.#isByRow(expr)) return Number.POSITIVE_INFINITY;
    let bytes = 0;
    for (const field of fieldsOf(expr)) {
      for (const layer of this.columns(field).layers) {
        bytes += layer.kind === "codes" ? layer.width : NUMBER_BYTES;
      }
    }
    return bytes;
  }

  readonly #leaves = new Map<FieldExpr, number>();

  /**
   * Entries of the field's scope for which an expression of that one field is true. Kept to the end
   * of the step: spansets are asked one by one, and few traces before all.
   */
  #leaf(expr: FieldExpr, field: Field): number {
    const known = this.#leaves.get(expr);
    if (known !== undefined) return known;
    const bytes = bitmapBytes(this.columns(field).entries);
    const at = this.#scratch.keep(bytes);
    this.#scratch.within(() => {
      const found = this.#testLeaf(expr, field);
      this.#scratch.bytes.copyWithin(at, found, found + bytes);
    });
    this.#leaves.set(expr, at);
    return at;
  }

  #testLeaf(expr: FieldExpr, field: Field): number {
    const { bits } = this;
    const { layers, missing, entries } = this.columns(field);
    const condition = conditionOf(expr);
    const tools = { scratch: this.#scratch, kernel: this.#kernel, bits };
    const holdsForMissing = condition.test(missing);
    const usable = layers.filter((layer) => layer.kind !== "codes" || layer.size > 0);
    if (usable.length === 1 && !holdsForMissing) {
      return testLayer(usable[0], { entries, condition }, tools);
    }
    let found = bits.none(entries);
    let seen = bits.none(entries);
    for (const [i, layer] of usable.entries()) {
      const here = testLayer(layer, { entries, condition }, tools);
      found = bits.or(found, i === 0 ? here : bits.without(here, seen, entries), entries);
      if (i + 1 === usable.length && !holdsForMissing) break;
      seen = bits.or(seen, presentBits(layer, entries, tools), entries);
    }
    return holdsForMissing ? bits.or(found, bits.not(seen, entries), entries) : found;
  }

  /** Conditions on one and the same event (link), for rows of `within`. */
  #joined(conjuncts: readonly FieldExpr[], within: number): number {
    let found = within;
    for (const scope of ["event", "link"] as const) {
      const alone = conjuncts.filter((one) => spokenOf(one).join() === scope);
      if (alone.length > 0) found = this.#joinedOn(scope, alone, found);
    }
    // What speaks of events and links at once is asked for every pair.
    const both = conjuncts.filter((one) => spokenOf(one).length > 1);
    if (both.length > 0) found = this.#eachPair(conjuncts, found);
    return found;
  }

  #joinedOn(scope: ListScope, conjuncts: readonly FieldExpr[], within: number): number {
    const { bits, segment } = this;
    const lists = segment.lists(scope);
    if (lists === undefined) return bits.none(segment.rows);
    const { entries } = lists;
    const fast = conjuncts.filter((one) => fieldsOf(one).length === 1 && !isNested(one));
    let found = this.#elements(scope, within);
    for (const one of fast) found = bits.and(found, this.#leaf(one, fieldsOf(one)[0]), entries);
    const slow = conjuncts.filter((one) => !fast.includes(one));
    if (slow.length > 0) found = this.#eachEntry(scope, slow, found);
    return bits.and(within, this.#rowsWith(scope, found), segment.rows);
  }

  /** Entries of the rows that are elements: an empty list has an entry, but no element. */
  #elements(scope: ListScope, within: number): number {
    const { segment, bits } = this;
    const lists = segment.lists(scope);
    if (lists === undefined) return bits.none(0);
    const { entries, starts } = lists;
    const out = this.#scratch.take(bitmapBytes(entries));
    this.#kernel.rowsOfGroups(within, starts, segment.rows, out);
    const name = scope === "event" ? segment.eventTime() : segment.linkSpanId();
    const layer: Layer =
      name.kind === "codes"
        ? { ...name, size: name.dictionary.size, value: (i) => name.dictionary.at(i) }
        : { ...name, kind: "longs", type: "int" };
    const tools = { scratch: this.#scratch, kernel: this.#kernel, bits };
    return bits.and(out, presentBits(layer, entries, tools), entries);
  }

  #rowsWith(scope: ListScope, entryBits: number): number {
    const { segment, bits } = this;
    const lists = segment.lists(scope);
    if (lists === undefined) return bits.none(segment.rows);
    const out = this.#scratch.take(bitmapBytes(segment.rows));
    const present = bits.and(
      entryBits,
      this.#elements(scope, bits.all(segment.rows)),
      lists.entries,
    );
    this.#kernel.groupsWith(present, lists.starts, segment.rows, out);
    return out;
  }

  #eachRow(expr: FieldExpr, within: number): number {
    const { bits, segment } = this;
    const compiled = compile(expr);
    const readers = this.readers(compiled);
    const out = bits.none(segment.rows);
    const spot: Spot = { row: 0, event: -1, link: -1 };
    for (const row of bits.list(within, segment.rows)) {
      this.#scratch.tick(ROW_WORK);
      spot.row = row;
      if (isTrue(compiled.run(readers, spot))) bits.set(out, row);
    }
    return out;
  }

  #eachEntry(scope: ListScope, exprs: readonly FieldExpr[], within: number): number {
    const { bits, segment } = this;
    const lists = segment.lists(scope);
    if (lists === undefined) return bits.none(0);
    const all = exprs.map((expr) => compile(expr));
    const readers = all.map((one) => this.readers(one));
    const out = bits.none(lists.entries);
    const { words } = this.#scratch;
    const spot: Spot = { row: 0, event: -1, link: -1 };
    for (const entry of bits.list(within, lists.entries)) {
      this.#scratch.tick(ROW_WORK);
      while (words[lists.starts / 4 + spot.row + 1] <= entry) spot.row++;
      spot[scope] = entry;
      if (all.every(({ run }, i) => isTrue(run(readers[i], spot)))) bits.set(out, entry);
    }
    return out;
  }

  #eachPair(exprs: readonly FieldExpr[], within: number): number {
    const { bits, segment } = this;
    const events = segment.lists("event");
    const links = segment.lists("link");
    if (events === undefined || links === undefined) return bits.none(segment.rows);
    const all = exprs.map((expr) => compile(expr));
    const readers = all.map((one) => this.readers(one));
    const elements = {
      event: this.#elements("event", within),
      link: this.#elements("link", within),
    };
    const out = bits.none(segment.rows);
    const { words } = this.#scratch;
    const spot: Spot = { row: 0, event: -1, link: -1 };
    const holds = (): boolean => {
      const { row } = spot;
      for (let e = words[events.starts / 4 + row]; e < words[events.starts / 4 + row + 1]; e++) {
        if (!bits.has(elements.event, e)) continue;
        spot.event = e;
        for (let l = words[links.starts / 4 + row]; l < words[links.starts / 4 + row + 1]; l++) {
          if (!bits.has(elements.link, l)) continue;
          spot.link = l;
          this.#scratch.tick(ROW_WORK);
          if (all.every(({ run }, i) => isTrue(run(readers[i], spot)))) return true;
        }
      }
      return false;
    };
    for (const row of bits.list(within, segment.rows)) {
      spot.row = row;
      if (holds()) bits.set(out, row);
    }
    return out;
  }

  #layerReader(layer: Layer): (entry: number, row: number) => Value {
    const scratch = this.#scratch;
    switch (layer.kind) {
      case "codes":
        return (entry) => {
          const code = codeOf(layer, scratch, entry);
          return code === 0 ? NIL : layer.value(code - 1);
        };
      case "groups": {
        const groups = this.segment.traceOf() / 4;
        return (_, row) => layer.value(scratch.words[groups + row]);
      }
      case "ids":
        return (entry) => ({
          type: "string",
          value: hexAt(scratch.bytes, layer.at + entry * 8, 8),
        });
      default: {
        const { at, present, type } = layer;
        return (entry) => {
          if (present !== 0 && !this.bits.has(present, entry)) return NIL;
          if (type === "float") return { type, value: scratch.doubles[at / 8 + entry] };
          return { type, value: scratch.longs[at / 8 + entry] };
        };
      }
    }
  }
}

/** What Tempo shows of an event or link that is not there. */
export function emptyValue(field: Field): Value {
  if (field.node === "attribute") return NIL;
  if (field.name === "event:timeSinceStart") return { type: "duration", value: 0n };
  if (field.name === "link:spanID") return { type: "string", value: "0000000000000000" };
  return { type: "string", value: "" };
}

function conjunctsOf(expr: FieldExpr): FieldExpr[] {
  if (expr.node !== "binary" || expr.op !== "&&") return [expr];
  return [...conjunctsOf(expr.left), ...conjunctsOf(expr.right)];
}

/** Comparisons and logic are true or false whatever they compare. */
function isAlwaysBool(expr: FieldExpr): boolean {
  if (expr.node === "literal") return expr.value.type === "bool";
  if (expr.node === "binary") return isCompareOp(expr.op) || expr.op === "&&" || expr.op === "||";
  return expr.node === "unary" && expr.op === "!" && isAlwaysBool(expr.operand);
}

/** Whether an operand of a comparison is a condition itself. */
function isNested(expr: FieldExpr): boolean {
  const visit = (operand: FieldExpr): boolean => {
    if (operand.node === "unary") return operand.op === "!" || visit(operand.operand);
    if (operand.node !== "binary") return false;
    const { op } = operand;
    if (isCompareOp(op) || op === "&&" || op === "||") return true;
    return visit(operand.left) || visit(operand.right);
  };
  return expr.node === "binary" && (visit(expr.left) || visit(expr.right));
}
