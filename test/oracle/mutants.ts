/**
 * Wrong engines: each a small edit of the engine's source that makes some answers wrong, as a slip
 * of the pen would. The oracle must catch every one.
 *
 * `find` occurs once in the file. An edit that no longer applies because the code has changed is
 * moved to where its mistake can be made now.
 */
export interface Mutant {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly mistake: string;
}

const FILTERS: readonly Mutant[] = [
  {
    file: "src/query/value-compare.ts",
    find: "values.every(test) : values.some(test)",
    replace: "values.some(test) : values.some(test)",
    mistake: "a list differs when one element does",
  },
  {
    file: "src/query/value-compare.ts",
    find: "truth(op, a, b) ?? false",
    replace: 'truth(op, a, b) ?? op === "!="',
    mistake: "values of other types differ",
  },
  {
    file: "src/query/number-range.ts",
    find: "clamped(isWhole ? ceil + 1n : ceil, LONG_MAX)",
    replace: "clamped(ceil, LONG_MAX)",
    mistake: "greater than is at least",
  },
  {
    file: "src/query/number-range.ts",
    find: "return isWhole ? clamped(floor, floor) : { low: 1n, high: 0n };",
    replace: "return clamped(floor, floor);",
    mistake: "integers equal fractions",
  },
  {
    file: "src/query/number-range.ts",
    find: "clamped(LONG_MIN, isWhole ? floor - 1n : floor)",
    replace: "clamped(LONG_MIN, floor)",
    mistake: "less than is at most",
  },
  {
    file: "src/query/number-range.ts",
    find: '  "<": ">",',
    replace: '  "<": "<",',
    mistake: "a constant on the left is read as on the right",
  },
  {
    file: "src/query/layer-test.ts",
    find: "bits.without(present === 0 ? bits.all(entries) : present, out, entries)",
    replace: "bits.not(out, entries)",
    mistake: "what is not there differs from a number",
  },
  {
    file: "src/query/filter-bits.ts",
    find: "holdsForMissing ? bits.or(found, bits.not(seen, entries), entries) : found",
    replace: "found",
    mistake: "nothing is nil",
  },
  {
    file: "src/query/filter-bits.ts",
    find: "conjuncts.filter((one) => spokenOf(one).length > 0)",
    replace: "conjuncts.filter(() => false)",
    mistake: "conditions on events hold on different events",
  },
  {
    file: "src/query/compile.ts",
    find: "    spot.event = -1;\n    spot.link = -1;\n    const value",
    replace: "    const value",
    mistake: "a condition in another one speaks of its event",
  },
  {
    file: "src/query/compile.ts",
    find: 'value: expr.value.value.replace(/^0+/, "")',
    replace: "value: expr.value.value",
    mistake: "ids of traces compare with their zeros",
  },
];

const SPANSETS: readonly Mutant[] = [
  {
    file: "src/query/structural.ts",
    find: "bits.or(found, partners, rows)",
    replace: "found",
    mistake: "a union gives one side",
  },
  {
    file: "src/query/structural.ts",
    find: "count > Number(bits.has(left, row))",
    replace: "count > 0",
    mistake: "a span is its own sibling",
  },
  {
    file: "src/query/structural.ts",
    find: "return bits.without(right, found, rows);",
    replace: "return bits.without(left, found, rows);",
    mistake: "a negated relation gives the other side",
  },
  {
    file: "src/query/structural.ts",
    find: "const isBelow = parent !== NONE && (state[parent] === YES || bits.has(left, parent));",
    replace: "const isBelow = parent !== NONE && bits.has(left, parent);",
    mistake: "descendants are children",
  },
  {
    file: "src/query/spansets.ts",
    find: "bits.without(within, this.#wholeTraces(inner), rows)",
    replace: "bits.without(within, inner, rows)",
    mistake: "an absence is of spans, not of traces",
  },
  {
    file: "src/query/aggregate.ts",
    find: "Math.ceil(quantile * numbers.length)",
    replace: "Math.floor(quantile * numbers.length)",
    mistake: "a quantile is one place too low",
  },
  {
    file: "src/query/value-order.ts",
    find: "return isDescending ? orderValues(b, a) : orderValues(a, b);",
    replace: "return orderValues(a, b);",
    mistake: "sorts ascend",
  },
];

const SHOWN: readonly Mutant[] = [
  {
    file: "src/query/row-order.ts",
    find: "if (x !== y) return x < y ? -1 : 1;",
    replace: "",
    mistake: "spans come by id, not by start",
  },
  {
    file: "src/query/shown-span.ts",
    find: "for (let entry = end - 1; entry >= first; entry--) {",
    replace: "for (let entry = first; entry < end; entry++) {",
    mistake: "the first event is shown",
  },
  {
    file: "src/query/mentions.ts",
    find: 'isOther: isOther || expr.op === "!"',
    replace: "isOther",
    mistake: "what is negated is a condition on what is shown",
  },
  {
    file: "src/query/trace-cards.ts",
    find: "if (doubles !== 0 && bits.has(doubles, row)) continue;",
    replace: "",
    mistake: "doubles count among a service's spans",
  },
  {
    file: "src/query/search-plan.ts",
    find: "return a.startUnixNano > b.startUnixNano ? -1 : 1;",
    replace: "return a.startUnixNano < b.startUnixNano ? -1 : 1;",
    mistake: "the oldest traces come first",
  },
  {
    file: "src/query/search-gatherer.ts",
    find: "return this.mayEndEarly && worst !== undefined && worst.startUnixNano > latestNano;",
    replace: "return this.mayEndEarly && worst !== undefined;",
    mistake: "a search ends with the first traces, not with the newest",
  },
];

const PLACES: readonly Mutant[] = [
  {
    file: "src/query/segment-part.ts",
    find: "if (doubles !== 0) found = bits.without(found, doubles, rows);",
    replace: "",
    mistake: "what came twice counts twice",
  },
  {
    file: "src/query/segment-family.ts",
    find: "if (numbers.every((number, i) => number === i + 1)) return kinds;",
    replace: "if (numbers.length > 0) return kinds;",
    mistake: "codes of kinds are taken for kinds",
  },
  {
    file: "src/query/nested-numbers.ts",
    find: "if (roots.length === 0 || this.#hasTriple(rows)) return;",
    replace: "if (roots.length === 0) return;",
    mistake: "traces with an id three times have numbers",
  },
  {
    file: "src/query/block-shares.ts",
    find: "excluded.push(members.numberOf(member));",
    replace: "",
    mistake: "traces in two blocks are found in each, by halves",
  },
  {
    file: "src/query/head-shares.ts",
    find: "return [...ofBlocks, ...ofHalves];",
    replace: "return [...ofHalves, ...ofBlocks];",
    mistake: "of doubles that of the head counts",
  },
  {
    file: "src/query/head-shares.ts",
    find: "share.blocks.set(block, number);",
    replace: "if (share.blocks.size === 0) share.blocks.set(block, number);",
    mistake: "a trace of the head is looked for in one block only",
  },
];

const METRICS: readonly Mutant[] = [
  {
    file: "src/query/metrics-cells.ts",
    find: "bound(2, Math.min)",
    replace: "bound(2, Math.max)",
    mistake: "the least of two segments is the most",
  },
  {
    file: "src/query/metrics-quantile.ts",
    find: "if (before + count === rank) return bound;",
    replace: "",
    mistake: "a quantile at a bound is reckoned",
  },
  {
    file: "src/query/metrics-series.ts",
    find: "labels.slice(0, 1) : known",
    replace: "labels : known",
    mistake: "of labels that are all nil each is shown",
  },
  {
    file: "src/query/metrics-series.ts",
    find: 'const isCount = fn === "rate" || fn === "count_over_time";',
    replace: "const isCount = false;",
    mistake: "a count of nothing is no series",
  },
  {
    file: "src/query/metrics-segment.ts",
    find: "isDedicated(field) ? withNilText(codes) : codes",
    replace: "codes",
    mistake: "every label that is nil is left out",
  },
  {
    file: "src/query/metrics-second.ts",
    find: "|| ranks[a] - ranks[b];",
    replace: "|| ranks[b] - ranks[a];",
    mistake: "of equal series the others are kept",
  },
  {
    file: "src/query/metrics-arithmetic.ts",
    find: "return b === 0 ? Number.NaN : a / b;",
    replace: "return a / b;",
    mistake: "division by zero is infinite",
  },
  {
    file: "src/query/compare-rows.ts",
    find: "rows, start + 1n, end, timely",
    replace: "rows, start, end - 1n, timely",
    mistake: "the selection's time has its start and not its end",
  },
];

const TAGS: readonly Mutant[] = [
  {
    file: "src/query/tag-values-rows.ts",
    find: 'return [own("span"), own("resource"), own("instrumentation")];',
    replace: 'return [own("span"), own("instrumentation")];',
    mistake: "names without a scope are those of spans",
  },
  {
    file: "src/query/tag-rows.ts",
    find: "if (filter !== undefined) found = filters.rows(filter, found);",
    replace: "",
    mistake: "names and values are those of all spans",
  },
];

/** The kernel is built anew for these. */
const KERNEL: readonly Mutant[] = [
  {
    file: "native/src/tally.ts",
    find: "const past = time - slotFirst - 1;",
    replace: "const past = time - slotFirst;",
    mistake: "a slot has its start and not its end",
  },
  {
    file: "native/src/scan.ts",
    find: "u32(value >= low && value <= high) << i;",
    replace: "u32(value >= low && value < high) << i;",
    mistake: "a range of doubles has no upper end",
  },
  {
    file: "native/src/pick.ts",
    find: "const isIn = first <= to &&",
    replace: "const isIn = last <= to &&",
    mistake: "traces that begin before the end of the time and end after it are left out",
  },
  {
    file: "native/src/nested-set.ts",
    find: "if (!isShared || kindOf(node) == wantedKind(child)) return node;",
    replace: "if (!isShared) return node;",
    mistake: "blocks number a span below the first of those with the parent's id",
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...[...FILTERS, ...SPANSETS, ...SHOWN, ...PLACES, ...METRICS, ...TAGS, ...KERNEL],
];
