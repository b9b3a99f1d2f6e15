/** What is shown of a span that was found: the fields that the query speaks of. */
import type { Field } from "../traceql/ast.ts";
import { compile, isTrue, type Readers, type Spot } from "./compile.ts";
import { isDedicated, NIL_TEXT } from "./dedicated-attributes.ts";
import { fieldScope } from "./field-of.ts";
import type { FilterBits } from "./filter-bits.ts";
import type { Mention } from "./mentions.ts";
import type { FoundSpan, KeyValue, Value } from "./question.ts";
import type { CardSpan } from "./trace-cards.ts";

/** Fields that a span shows apart, or that are of its trace. */
const NEVER_SHOWN: ReadonlySet<string> = new Set([
  ...["name", "duration", "traceDuration", "rootName", "rootServiceName", "trace:id", "span:id"],
]);
/** Of equal keys that of the first scope here is shown. */
const SCOPES: readonly string[] = ["span", "resource", "instrumentation", "event", "link"];

interface ShownField {
  readonly field: Field;
  /** Undefined: not shown. */
  value(row: number): Value | undefined;
  rank(row: number): number;
}

export class ShownSpans {
  readonly #fields: readonly ShownField[];
  readonly #name: ((row: number) => Value | undefined) | undefined;

  constructor(filter: FilterBits, mentions: readonly Mention[]) {
    const isName = ({ field }: Mention) => field.node === "intrinsic" && field.name === "name";
    const name = mentions.find(isName);
    this.#name = name && shownField(filter, name).value;
    this.#fields = mentions
      .filter(({ field }) => field.node === "attribute" || !NEVER_SHOWN.has(field.name))
      .map((mention) => shownField(filter, mention));
  }

  at(row: number, { id, startNano, durationNano }: CardSpan): FoundSpan {
    const name = this.#name?.(row);
    return {
      spanId: id,
      name: name?.type === "string" ? name.value : undefined,
      startUnixNano: startNano,
      durationNano,
      attributes: this.#attributes(row),
    };
  }

  #attributes(row: number): KeyValue[] {
    const shown: (KeyValue & { readonly rank: number })[] = [];
    for (const { field, value, rank } of this.#fields) {
      const found = value(row);
      if (found !== undefined) shown.push({ key: field.name, value: found, rank: rank(row) });
    }
    shown.sort((a, b) => a.rank - b.rank);
    return shown
      .filter(({ key }, i) => shown.findIndex((other) => other.key === key) === i)
      .map(({ key, value }) => ({ key, value }));
  }
}

function shownField(filter: FilterBits, { field, comparisons, isOther }: Mention): ShownField {
  const scope = fieldScope(field);
  const conditions = comparisons.map((comparison) => {
    const compiled = compile(comparison);
    const readers = filter.readers(compiled);
    return (spot: Spot) => isTrue(compiled.run(readers, spot));
  });
  const plain = filter.readers({ fields: [field] });
  const [read] = plain.fields;
  const [readEmpty] = filter.readers({ fields: [field] }, true).fields;
  const isShown = (spot: Spot) =>
    (isOther && read(spot).type !== "nil") || conditions.some((holds) => holds(spot));
  const spot: Spot = { row: 0, event: -1, link: -1 };
  const value = (row: number): Value | undefined => {
    spot.row = row;
    if (scope === "row") {
      if (isShown(spot)) return shownValue(read(spot));
      return isOther && isDedicated(field) ? NIL_TEXT : undefined;
    }
    const first = plain.first(scope, row);
    const end = plain.end(scope, row);
    for (let entry = end - 1; entry >= first; entry--) {
      spot[scope] = entry;
      if (isShown(spot)) return shownValue(read(spot));
    }
    if (!isOther || end > first) return undefined;
    const empty = readEmpty(spot);
    return empty.type === "nil" ? undefined : empty;
  };
  return { field, value, rank: rankOf(filter, field, plain) };
}

export function shownValue(value: Value): Value {
  return value.type === "nil" ? NIL_TEXT : value;
}

/** A field without a scope counts as where it was found. */
function rankOf(filter: FilterBits, field: Field, _: Readers): (row: number) => number {
  if (field.node === "intrinsic") return () => 0;
  if (field.scope !== "none") {
    const rank = SCOPES.indexOf(field.scope);
    return () => rank;
  }
  const [ofSpan] = filter.readers({ fields: [{ ...field, scope: "span" }] }).fields;
  const spot: Spot = { row: 0, event: -1, link: -1 };
  return (row) => {
    spot.row = row;
    return SCOPES.indexOf(ofSpan(spot).type === "nil" ? "resource" : "span");
  };
}
