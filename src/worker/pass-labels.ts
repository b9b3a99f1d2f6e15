/**
 * Labels on their way between threads: as one text, since a structured clone takes ten times as
 * long for thousands of small objects.
 */
import { assert } from "../base/assert.ts";
import type { KeyValue, Value } from "../query/question.ts";
import type { Static } from "../traceql/ast.ts";

export type Payload = null | boolean | string | Passed[];
export type Passed = [type: Value["type"], payload: Payload];

/** JSON keeps neither integers of 64 bits nor all doubles; they go as texts. */
export function labelsText(lists: readonly (readonly KeyValue[])[]): string {
  return JSON.stringify(lists.map(flatLabels));
}

/** From the text of labelsText(). */
export function labelsOf(text: string): KeyValue[][] {
  // It comes from the function above, in another thread of ours.
  return (JSON.parse(text) as Payload[][]).map(fromFlat);
}

/** Key, type and payload of one after the other. */
export function flatLabels(labels: readonly KeyValue[]): Payload[] {
  return labels.flatMap(({ key, value }) => [key, ...passed(value)]);
}

export function fromFlat(flat: readonly Payload[]): KeyValue[] {
  const labels: KeyValue[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const type = flat[i + 1] as Value["type"];
    labels.push({ key: flat[i] as string, value: received([type, flat[i + 2]]) });
  }
  return labels;
}

export function passed(value: Value): Passed {
  switch (value.type) {
    case "nil":
      return [value.type, null];
    case "int":
    case "duration":
      return [value.type, String(value.value)];
    case "float":
      return [value.type, Object.is(value.value, -0) ? "-0" : String(value.value)];
    case "list":
      return [value.type, value.values.map(passed)];
    default:
      return [value.type, value.value];
  }
}

export function received([type, payload]: Passed): Value {
  if (type !== "list") return receivedStatic(type, payload);
  assert(Array.isArray(payload), "pass: a list without values");
  return { type, values: payload.map(([of, one]) => receivedStatic(of, one)) };
}

export function receivedStatic(type: Value["type"], payload: Payload): Static {
  switch (type) {
    case "nil":
      return { type };
    case "int":
    case "duration":
      return { type, value: BigInt(payload as string) };
    case "float":
      return { type, value: Number(payload) };
    default:
      // As passed() took it from a value of this type.
      return { type, value: payload } as Static;
  }
}
