/**
 * A pipeline over a segment: from its rows to spansets.
 *
 * As long as a trace has one spanset without attributes, all of them are one bitmap. With the first
 * stage that makes more of it (by, aggregates, sort) they become lists of rows, and each stage goes
 * from list to list.
 */
import { assert } from "../base/assert.ts";
import type {
  Field,
  FieldExpr,
  Group,
  Pipeline,
  ScalarFilter,
  Sort,
  SpansetExpr,
  Stage,
} from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import { valueKey } from "../vector/code-values.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes } from "../vector/vector.ts";
import { aggregate, aggregateName } from "./aggregate.ts";
import { type Compiled, compileValue, type Spot } from "./compile.ts";
import { FilterBits, type FilterTools } from "./filter-bits.ts";
import type { KeyValue, Value } from "./question.ts";
import type { RowBits } from "./row-bits.ts";
import { rowOrder } from "./row-order.ts";
import type { Segment } from "./segment.ts";
import { Structural } from "./structural.ts";
import { compareValues, isCompareOp } from "./value-compare.ts";
import { orderSorted, sortable } from "./value-order.ts";

/** Spans of one trace. */
export interface RowSet {
  readonly trace: number;
  readonly rows: readonly number[];
  readonly attributes: readonly KeyValue[];
}

/** One spanset a trace, all rows in one bitmap; or several, those of a trace behind each other. */
export type Found =
  | { readonly kind: "bits"; readonly bits: number }
  | { readonly kind: "sets"; readonly sets: readonly RowSet[] };

/** Of a value at a row, which may be that of a long expression. */
const ROW_WORK = 8;

export class Spansets {
  readonly filter: FilterBits;
  readonly #segment: Segment;
  readonly #bits: RowBits;
  readonly #tools: FilterTools;
  readonly #scratch: StepScratch;
  readonly #structural: Structural;
  readonly #order: (a: number, b: number) => number;

  constructor(segment: Segment, tools: FilterTools) {
    this.#segment = segment;
    this.#tools = tools;
    this.#scratch = tools.scratch;
    this.filter = new FilterBits(segment, tools);
    this.#bits = this.filter.bits;
    this.#structural = new Structural(segment, this.#bits, tools.scratch);
    this.#order = rowOrder(segment, tools.scratch);
  }

  /** `within` is the bitmap of rows that count. */
  run({ stages }: Pipeline, within: number): Found {
    let found: Found = { kind: "bits", bits: within };
    for (const stage of stages) found = this.#stage(stage, found);
    return found;
  }

  /** Whether it finds nothing, as the values tell that there are: no row is looked at. */
  isNone({ stages: [first] }: Pipeline): boolean {
    return first?.node === "filter" && this.filter.isNone(first.expr);
  }

  /** The same, all spansets as one bitmap. */
  rows(pipeline: Pipeline, within: number): number {
    const found = this.run(pipeline, within);
    return found.kind === "bits" ? found.bits : this.#bitsOf(found.sets);
  }

  /** The spansets of a bitmap: rows in the order of their start. */
  setsOf(bits: number): RowSet[] {
    const { words } = this.#scratch;
    const starts = this.#segment.starts / 4;
    const sets: RowSet[] = [];
    let rows: number[] = [];
    let trace = 0;
    const finish = () => {
      if (rows.length > 0) sets.push(this.setOf(trace, rows));
      rows = [];
    };
    for (const row of this.#bits.list(bits, this.#segment.rows)) {
      if (row >= words[starts + trace + 1]) {
        finish();
        while (row >= words[starts + trace + 1]) trace++;
      }
      rows.push(row);
    }
    finish();
    return sets;
  }

  /** Spans of a trace in the order of their start. */
  setOf(trace: number, rows: number[]): RowSet {
    return { trace, rows: this.#usual(rows), attributes: [] };
  }

  #stage(stage: Stage, found: Found): Found {
    switch (stage.node) {
      case "select":
        return found;
      case "filter":
      case "absence":
      case "spansetOperation":
        if (found.kind === "bits") return { kind: "bits", bits: this.#find(stage, found.bits) };
        return { kind: "sets", sets: this.#findInSets(stage, found.sets) };
      case "pipeline":
        return stage.stages.reduce<Found>((now, next) => this.#stage(next, now), found);
      case "coalesce":
        return found.kind === "bits" ? found : { kind: "bits", bits: this.#bitsOf(found.sets) };
      case "group":
        return { kind: "sets", sets: this.#sets(found).flatMap(this.#grouping(stage)) };
      case "scalarFilter":
        return { kind: "sets", sets: this.#sets(found).flatMap(this.#aggregating(stage)) };
      case "sort":
        return { kind: "sets", sets: this.#sets(found).map(this.#sorting(stage)) };
    }
  }

  #sets(found: Found): readonly RowSet[] {
    return found.kind === "sets" ? found.sets : this.setsOf(found.bits);
  }

  #find(expr: SpansetExpr, within: number): number {
    const { rows, traces, starts } = this.#segment;
    const bits = this.#bits;
    const { kernel } = this.#tools;
    switch (expr.node) {
      case "filter":
        return this.filter.rows(expr.expr, within);
      case "pipeline":
        return this.rows(expr, within);
      case "absence": {
        const inner = this.#find(expr.of, within);
        return bits.without(within, this.#wholeTraces(inner), rows);
      }
      case "spansetOperation": {
        const left = this.#find(expr.left, within);
        const right = this.#find(expr.right, within);
        if (expr.op === "||") return bits.or(left, right, rows);
        if (expr.op !== "&&") return this.#structural.run(expr.op, { left, right });
        const ofLeft = this.#scratch.take(bitmapBytes(traces));
        const ofRight = this.#scratch.take(bitmapBytes(traces));
        kernel.groupsWith(left, starts, traces, ofLeft);
        kernel.groupsWith(right, starts, traces, ofRight);
        const both = this.#scratch.take(bitmapBytes(rows));
        kernel.rowsOfGroups(bits.and(ofLeft, ofRight, traces), starts, traces, both);
        return bits.and(both, bits.or(left, right, rows), rows);
      }
    }
  }

  /** All rows of the traces that have one of these. */
  #wholeTraces(found: number): number {
    const { rows, traces, starts } = this.#segment;
    const { kernel } = this.#tools;
    const groups = this.#scratch.take(bitmapBytes(traces));
    kernel.groupsWith(found, starts, traces, groups);
    const whole = this.#scratch.take(bitmapBytes(rows));
    kernel.rowsOfGroups(groups, starts, traces, whole);
    return whole;
  }

  #findInSets(expr: SpansetExpr, sets: readonly RowSet[]): RowSet[] {
    if (expr.node === "filter") {
      const found = this.filter.rows(expr.expr, this.#bitsOf(sets));
      return sets
        .map((set) => ({ ...set, rows: set.rows.filter((row) => this.#bits.has(found, row)) }))
        .filter(({ rows }) => rows.length > 0);
    }
    return sets.flatMap((set) =>
      this.#scratch.within(() => {
        const found = this.#find(expr, this.#bitsOf([set]));
        const rows = this.#usual([...this.#bits.list(found, this.#segment.rows)]);
        // An absence keeps all or nothing, as they are.
        if (expr.node === "absence") return rows.length > 0 ? [set] : [];
        return rows.length > 0 ? [{ ...set, rows }] : [];
      }),
    );
  }

  #bitsOf(sets: readonly RowSet[]): number {
    const out = this.#bits.none(this.#segment.rows);
    for (const { rows } of sets) for (const row of rows) this.#bits.set(out, row);
    return out;
  }

  #usual(rows: number[]): number[] {
    return rows.length > 1 ? rows.sort(this.#order) : rows;
  }

  /** The expression's value at rows. */
  valueReader(expr: FieldExpr): (row: number) => Value {
    const compiled: Compiled = compileValue(expr);
    const readers = this.filter.readers(compiled, true);
    const spot: Spot = { row: 0, event: -1, link: -1 };
    return (row) => {
      this.#scratch.tick(ROW_WORK);
      spot.row = row;
      return compiled.run(readers, spot);
    };
  }

  fieldReader(field: Field): (row: number) => Value {
    return this.valueReader(field);
  }

  #grouping({ by }: Group): (set: RowSet) => RowSet[] {
    const valueAt = this.valueReader(by);
    const key = `by(${printField(by)})`;
    return (set) => {
      const groups = new Map<string, { readonly value: Value; readonly rows: number[] }>();
      for (const row of set.rows) {
        const value = valueAt(row);
        const name = valueKey(groupValue(value));
        const group = groups.get(name);
        if (group === undefined) groups.set(name, { value, rows: [row] });
        else group.rows.push(row);
      }
      return Array.from(groups.values(), ({ value, rows }) => ({
        trace: set.trace,
        rows,
        attributes: withAttribute(set.attributes, { key, value }),
      }));
    };
  }

  #aggregating({ left, op, right }: ScalarFilter): (set: RowSet) => RowSet[] {
    const isMeant = left.node === "aggregate" && right.node === "literal" && isCompareOp(op);
    assert(isMeant, "query: a scalar filter of another form");
    const valueAt = left.argument === undefined ? undefined : this.valueReader(left.argument);
    const key = aggregateName(left);
    return (set) => {
      const values = valueAt === undefined ? [] : set.rows.map(valueAt);
      const value = aggregate(left, set.rows.length, values);
      if (value === undefined || !compareValues(op, value, right.value)) return [];
      return [{ ...set, attributes: withAttribute(set.attributes, { key, value }) }];
    };
  }

  #sorting({ by, descending }: Sort): (set: RowSet) => RowSet {
    const valueAt = this.valueReader(by);
    return (set) => {
      const rows = this.#usual([...set.rows]);
      const values = new Map(rows.map((row) => [row, sortable(valueAt(row))]));
      rows.sort((a, b) => orderSorted(values.get(a), values.get(b), descending));
      return { ...set, rows };
    };
  }
}

/** Equal ones are one group: 0 and -0 are, and so are all that are no number. */
function groupValue(value: Value): Value {
  return value.type === "float" && value.value === 0 ? { type: "float", value: 0 } : value;
}

function withAttribute(attributes: readonly KeyValue[], added: KeyValue): KeyValue[] {
  if (!attributes.some(({ key }) => key === added.key)) return [...attributes, added];
  return attributes.map((old) => (old.key === added.key ? added : old));
}
