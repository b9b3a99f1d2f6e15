import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { type ProtoField, type ProtoShape, trace } from "../../src/query/otlp-shape.ts";

/** Every message that the trace reaches, with the table that stands for it. */
function* pairs(
  desc: DescMessage,
  shape: ProtoShape,
  seen = new Set<DescMessage>(),
): Generator<readonly [DescMessage, ProtoShape]> {
  if (seen.has(desc)) return;
  seen.add(desc);
  yield [desc, shape];
  for (const field of desc.fields) {
    const inner = shape.fields[field.number]?.message?.();
    if (field.message && inner) yield* pairs(field.message, inner, seen);
  }
}

function described(field: DescField): object {
  return {
    number: field.number,
    jsonName: field.jsonName,
    repeated: field.fieldKind === "list",
    member: field.oneof !== undefined,
    kind: kindOf(field),
    names: field.enum?.values.map((value) => value.name),
  };
}

function kindOf(field: DescField): string {
  if (field.message) return "message";
  if (field.enum) return "enum";
  return ScalarType[field.scalar as ScalarType].toLowerCase();
}

function tabled({ number, jsonName, repeated, member, kind, names }: ProtoField): object {
  return { number, jsonName, repeated, member, kind, names };
}

describe("the tables equal the generated descriptors", () => {
  for (const [desc, shape] of pairs(TraceSchema, trace)) {
    test(desc.typeName, () => {
      const fields = shape.fields.filter((field) => field !== undefined);
      expect(fields.map(tabled)).toEqual(
        desc.fields.toSorted((a, b) => a.number - b.number).map(described),
      );
    });
  }
  test("and are all reached", () => expect([...pairs(TraceSchema, trace)]).toHaveLength(14));
});
