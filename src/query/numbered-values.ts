/**
 * Values of codes, numbered: the same number for the same value, whatever codes it has. What is
 * known of a dictionary, or of an attribute's values among resources, serves the next question.
 */
import type { FieldCodes } from "./field-codes.ts";
import type { Value } from "./question.ts";

export interface NumberedValues {
  /** By code. */
  readonly numbers: Uint32Array;
  /** By number, here and below. */
  readonly values: readonly Value[];
  /** As labelKey() has them. */
  readonly keys: readonly string[];
}

interface Known extends NumberedValues {
  readonly missing: Value;
}

const known = new WeakMap<object, Known>();

/** Codes of which it is kept: 100 KB at most. */
const KEPT_MAX = 1024;

export function numberedValues(
  codes: Pick<FieldCodes, "size" | "value" | "values">,
): NumberedValues {
  const { size, values } = codes;
  if (values === undefined || size > KEPT_MAX) return numbered(codes);
  const before = known.get(values.of);
  if (before?.numbers.length === size && before.missing === values.missing) return before;
  const found = { ...numbered(codes), missing: values.missing };
  known.set(values.of, found);
  return found;
}

function numbered({ size, value }: Pick<FieldCodes, "size" | "value">): NumberedValues {
  const numbers = new Uint32Array(size);
  const values: Value[] = [];
  const keys: string[] = [];
  // Texts are known by themselves: making keys of a thousand costs more than counting their rows.
  const texts = new Map<string, number>();
  const others = new Map<string, number>();
  for (let code = 0; code < size; code++) {
    const one = value(code);
    const list = one.type === "string" ? texts : others;
    const name = one.type === "string" ? one.value : labelKey(one);
    let number = list.get(name);
    if (number === undefined) {
      number = values.push(one) - 1;
      keys.push(labelKey(one));
      list.set(name, number);
    }
    numbers[code] = number;
  }
  return { numbers, values, keys };
}

/** The same text for values that are one label: of same type and content; 0 and -0 are the same. */
export function labelKey(value: Value): string {
  switch (value.type) {
    case "nil":
      return "nil";
    case "list":
      return `[${value.values.map(labelKey).join()}]`;
    case "string":
      return JSON.stringify(value.value);
    default:
      return `${value.type} ${value.value}`;
  }
}
