/**
 * Mutated requests against the kernel, in a process of their own: one that never ends can be
 * ended. `npm run test:fuzz -- 1000000` does the same for longer.
 */
import { expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { runFuzz } from "./fuzz-process.ts";
import { type Judgement, judge } from "./otlp-judge.ts";

const MUTANTS = 20_000;
const DEADLINE_MS = 100_000;

test(
  "mutated requests do no harm, and what is good of them is kept",
  async () => {
    const { exitCode, output } = await runFuzz([MUTANTS, 1], DEADLINE_MS);
    expect({ exitCode, failures: output.match(/^FAILED.*$/gm) ?? [] }).toEqual({
      exitCode: 0,
      failures: [],
    });
    const [, mutants, passed] = /^mutants: (\d+), outer parse passed: (\d+)$/m.exec(output) ?? [];
    expect(Number(mutants)).toBe(MUTANTS);
    expect(Number(passed)).toBeGreaterThan(MUTANTS / 2);
    for (const field of FIELDS) expect(output).toMatch(new RegExp(`^  ${field} +\\d{2,}: `, "m"));
  },
  DEADLINE_MS + 20_000,
);

/** One of each message, to see that the run gets there. */
const FIELDS = [
  ...["request.resource_spans", "resourceSpans.resource", "resource.attributes.value"],
  ...["resource.entity_refs.type", "scopeSpans.spans", "scope.name", "span.trace_id"],
  ...["span.start_time_unix_nano", "span.flags", "span.attributes.value.array_value"],
  ...["event.name", "link.span_id", "status.code", "array.values", "kvlist.values.value"],
];

const good: Judgement = {
  refusal: undefined,
  spans: [true],
  outerParses: true,
};
const spanBytes = requestOf([spanOf({ traceId: "1", spanId: "1", name: "x" })]);

test("the judge of the mutants knows good from bad", () => {
  expect(judge(spanBytes)).toEqual(good);
  expect(judge(spanBytes.subarray(0, -1)).refusal).toBe("truncated");
  const withoutId = requestOf([spanOf({ traceId: "0", spanId: "1" })]);
  expect(judge(withoutId)).toEqual({ ...good, spans: [false] });
  expect(judge(Uint8Array.of(0x08, 1)).refusal).toBe("wire type of a known field");
  expect(judge(Uint8Array.of(0x0f, 1)).refusal).toBe("wire type");
  expect(judge(Uint8Array.of(0x00, 1)).refusal).toBe("field number");
  expect(judge(Uint8Array.of(0x13, 0x1c)).refusal).toBe("group");
  expect(judge(Uint8Array.of(0x0a, 3, 0x0a, 2, 0)).refusal).toBe("truncated");
  expect(judge(Uint8Array.of(0x0a, 2, 0x0a, 1, 0)).refusal).toBe("past the end of its message");
  expect(judge(new Uint8Array(12).fill(0xff)).refusal).toBe("varint over 64 bits");
});
