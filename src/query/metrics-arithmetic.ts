/**
 * Arithmetic between series: those of the same labels are joined, whatever the order of these; a
 * side that has one series without labels fits all of the other's. Dividing by zero gives nothing,
 * and what one side lacks is lacking. Names are joined where both sides have one.
 */
import { assert } from "../base/assert.ts";
import type { MetricsOperation } from "../traceql/ast.ts";
import { NAME, type PlanSeries } from "./metrics-series.ts";
import { labelKey } from "./numbered-values.ts";
import type { KeyValue } from "./question.ts";

type Op = MetricsOperation["op"];
export type Operand = number | readonly PlanSeries[];

export function operate(op: Op, left: Operand, right: Operand): readonly PlanSeries[] {
  if (typeof left === "number") {
    assert(typeof right !== "number", "query: arithmetic of constants alone");
    return right.map((one) => changed(one, (value) => result(op, left, value)));
  }
  if (typeof right === "number") {
    return left.map((one) => changed(one, (value) => result(op, value, right)));
  }
  return joined(op, left, right);
}

function changed(series: PlanSeries, change: (value: number) => number): PlanSeries {
  const { labels, values } = series;
  return { labels, values: values.map(change), from: derived(series) };
}

/** Values of exemplars would not lie where the series is. */
function derived({ from }: PlanSeries): PlanSeries["from"] {
  return from.map((source) => ({ ...source, value: "series" }));
}

function result(op: Op, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return b === 0 ? Number.NaN : a / b;
  }
}

const UNLABELLED = "";

function joined(
  op: Op,
  left: readonly PlanSeries[],
  right: readonly PlanSeries[],
): readonly PlanSeries[] {
  const byLabels = (all: readonly PlanSeries[]) =>
    new Map(all.map((series) => [setKey(series), series]));
  const [lefts, rights] = [byLabels(left), byLabels(right)];
  const keys = rights.has(UNLABELLED) ? lefts.keys() : rights.keys();
  return [...keys].flatMap((key) => {
    const a = lefts.get(key) ?? lefts.get(UNLABELLED);
    const b = rights.get(key) ?? rights.get(UNLABELLED);
    if (a === undefined || b === undefined) return [];
    return {
      labels: joinedLabels(op, a.labels, b.labels),
      values: a.values.map((value, slot) => result(op, value, b.values[slot])),
      from: [...derived(a), ...derived(b)],
    };
  });
}

function setKey({ labels }: PlanSeries): string {
  return labels
    .filter(({ key }) => key !== NAME)
    .map(({ key, value }) => `${JSON.stringify(key)}=${labelKey(value)}`)
    .sort()
    .join("\n");
}

function joinedLabels(op: Op, a: readonly KeyValue[], b: readonly KeyValue[]): KeyValue[] {
  const own = a.filter(({ key }) => key !== NAME);
  const added = b.filter(({ key }) => key !== NAME && !own.some((label) => label.key === key));
  const [x, y] = [nameIn(a), nameIn(b)];
  if (x === undefined || y === undefined) return [...own, ...added];
  const name: KeyValue = { key: NAME, value: { type: "string", value: `(${x} ${op} ${y})` } };
  return [name, ...own, ...added];
}

function nameIn(labels: readonly KeyValue[]): string | undefined {
  const value = labels.find(({ key }) => key === NAME)?.value;
  return value?.type === "string" ? value.value : undefined;
}
