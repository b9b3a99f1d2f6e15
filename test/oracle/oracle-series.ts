/**
 * What is done with series: the most and the least of each slot, comparisons, arithmetic.
 *
 * topk and bottomk leave sets alone that are not larger than asked for. Of equal values those with
 * alphabetically earlier texts count as greater, as in Tempo: topk takes the earlier, bottomk the
 * later ones. Arithmetic joins series of the same labels, whatever their order; a side that has one
 * series without labels fits all of the other's. Dividing by zero gives nothing, and what one side
 * lacks is lacking. Names are joined where both sides have one.
 */
import type { KeyValue, Value } from "../../src/query/question.ts";
import type { MetricsOperation, SecondStage } from "../../src/traceql/ast.ts";
import { formatDuration } from "../../src/traceql/duration.ts";
import { compares, keyOf, orderOfAll } from "./oracle-value.ts";

export interface OracleSeries {
  readonly labels: readonly KeyValue[];
  /** Of each slot; NaN: none. */
  readonly values: readonly number[];
}

const NAME = "__name__";

export function runSeconds(
  seconds: readonly SecondStage[],
  all: readonly OracleSeries[],
): readonly OracleSeries[] {
  return seconds.reduce(runSecond, all);
}

function runSecond(all: readonly OracleSeries[], second: SecondStage): readonly OracleSeries[] {
  if (second.node !== "seriesFilter") return ranked(all, second);
  const { op, value } = second;
  const bound: Value =
    value.type === "duration" ? { type: "float", value: Number(value.value) / 1e9 } : value;
  const keeps = (sample: number) =>
    !Number.isNaN(sample) && compares(op, { type: "float", value: sample }, bound);
  return withSamples(
    all.map(({ labels, values }) => ({
      labels,
      values: values.map((sample) => (keeps(sample) ? sample : Number.NaN)),
    })),
  );
}

function withSamples(all: readonly OracleSeries[]): readonly OracleSeries[] {
  return all.filter(({ values }) => values.some((value) => !Number.isNaN(value)));
}

type Ranking = Extract<SecondStage, { node: "topk" | "bottomk" }>;

function ranked(all: readonly OracleSeries[], { node, limit }: Ranking): readonly OracleSeries[] {
  if (all.length <= limit) return all;
  const kept = all[0].values.map((_, slot) => {
    const greatestFirst = all
      .filter(({ values }) => !Number.isNaN(values[slot]))
      .sort((a, b) => b.values[slot] - a.values[slot] || compareLabels(b.labels, a.labels));
    const inOrder = node === "topk" ? greatestFirst : greatestFirst.reverse();
    return new Set(inOrder.slice(0, Number(limit)));
  });
  return withSamples(
    all.map((series) => ({
      labels: series.labels,
      values: series.values.map((value, slot) => (kept[slot].has(series) ? value : Number.NaN)),
    })),
  );
}

/** Above zero: a counts as the greater. */
function compareLabels(a: readonly KeyValue[], b: readonly KeyValue[]): number {
  const [x, y] = [withoutName(a), withoutName(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const order =
      -bytewise(textOf(x[i]?.value), textOf(y[i]?.value)) ||
      -bytewise(x[i]?.key ?? "", y[i]?.key ?? "") ||
      typeRank(x[i]?.value) - typeRank(y[i]?.value) ||
      compareCodes(x[i]?.value, y[i]?.value);
    if (order !== 0) return order;
  }
  return 0;
}

function withoutName(labels: readonly KeyValue[]): KeyValue[] {
  return labels.filter(({ key }) => key !== NAME);
}

/** Statuses, kinds, durations and nil are texts by the time series are ranked. */
function textOf(value: Value | undefined): string {
  if (value === undefined) return "";
  if (value.type === "duration") return formatDuration(value.value);
  if (value.type === "nil") return "nil";
  return value.type === "string" || value.type === "status" || value.type === "kind"
    ? value.value
    : "";
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function typeRank(value: Value | undefined): number {
  if (value === undefined) return 0;
  const types = ["int", "float", "nil", "string", "bool", "list"];
  return types.indexOf(value.type) + 1 || types.indexOf("string") + 1;
}

/** Integers without their sign, floats by their bits, as Tempo has them; lists by elements. */
function compareCodes(a: Value | undefined, b: Value | undefined): number {
  if (a?.type === "list" && b?.type === "list") return orderOfAll(a, b);
  const [x, y] = [codeOf(a), codeOf(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}

function codeOf(value: Value | undefined): bigint {
  if (value?.type === "int") return BigInt.asUintN(64, value.value);
  if (value?.type === "bool") return value.value ? 1n : 0n;
  if (value?.type !== "float") return 0n;
  return new BigUint64Array(Float64Array.of(value.value).buffer)[0];
}

// ---- arithmetic

type Operand = number | readonly OracleSeries[];
type Op = MetricsOperation["op"];

export function operated(op: Op, left: Operand, right: Operand): readonly OracleSeries[] {
  if (typeof left === "number") {
    if (typeof right === "number") throw new Error("oracle: arithmetic of constants alone");
    return right.map(({ labels, values }) => ({
      labels,
      values: values.map((value) => result(op, left, value)),
    }));
  }
  if (typeof right === "number") {
    return left.map(({ labels, values }) => ({
      labels,
      values: values.map((value) => result(op, value, right)),
    }));
  }
  return joined(op, left, right);
}

function result(op: Op, a: number, b: number): number {
  if (op === "+") return a + b;
  if (op === "-") return a - b;
  if (op === "*") return a * b;
  return b === 0 ? Number.NaN : a / b;
}

function joined(
  op: Op,
  left: readonly OracleSeries[],
  right: readonly OracleSeries[],
): OracleSeries[] {
  const byKey = (all: readonly OracleSeries[]) =>
    new Map(all.map((series) => [setKey(series.labels), series]));
  const [lefts, rights] = [byKey(left), byKey(right)];
  const keys = rights.has("") ? lefts.keys() : rights.keys();
  return [...keys].flatMap((key) => {
    const a = lefts.get(key) ?? lefts.get("");
    const b = rights.get(key) ?? rights.get("");
    if (a === undefined || b === undefined) return [];
    const values = a.values.map((value, slot) => result(op, value, b.values[slot]));
    return [{ labels: joinedLabels(op, a.labels, b.labels), values }];
  });
}

/** Empty for a series without labels. */
function setKey(labels: readonly KeyValue[]): string {
  return withoutName(labels)
    .map(({ key, value }) => `${JSON.stringify(key)}=${keyOf(value)}`)
    .sort()
    .join(" ");
}

function joinedLabels(op: Op, a: readonly KeyValue[], b: readonly KeyValue[]): KeyValue[] {
  const own = withoutName(a);
  const added = withoutName(b).filter(({ key }) => !own.some((label) => label.key === key));
  const names = [a, b].map((labels) => labels.find(({ key }) => key === NAME)?.value);
  const [x, y] = names;
  const name: KeyValue[] =
    x?.type === "string" && y?.type === "string"
      ? [{ key: NAME, value: { type: "string", value: `(${x.value} ${op} ${y.value})` } }]
      : [];
  return [...name, ...own, ...added];
}
