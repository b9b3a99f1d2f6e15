/** Mutated bodies of other formats; `npm run test:fuzz:formats -- 1000000` does more of them. */
import { expect, test } from "vitest";
import { FORMAT_NAMES, fuzzFormat } from "./fuzz-formats.ts";
import { AmbiguousBody, MalformedBody, readOtlpJson } from "./otlp-json-oracle.ts";

const MUTANTS = 1000;

test.each(FORMAT_NAMES)("%s: mutated bodies are translated or malformed (seed 1)", (format) => {
  const report = fuzzFormat({ format, seed: 1, from: 0, mutants: MUTANTS });
  expect(report.failures).toEqual([]);
  expect(report.mutants).toBe(MUTANTS);
  expect(Math.min(report.stored, report.malformed)).toBeGreaterThan(MUTANTS / 8);
  expect(report.spans).toBeGreaterThan(30);
});

test("the oracle knows good from bad", () => {
  const span = (fields: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`;
  const request = readOtlpJson(span('"kind":"SPAN_KIND_CLIENT","new":1,"spanId":null'));
  expect(request.resourceSpans[0].scopeSpans[0].spans[0]).toMatchObject({ kind: 3 });
  expect(() => readOtlpJson(span('"kind":"x"'))).toThrow(MalformedBody);
  expect(() => readOtlpJson(span('"endTimeUnixNano":"-1"'))).toThrow(MalformedBody);
  expect(() => readOtlpJson(span('"name":1'))).toThrow(MalformedBody);
  expect(() => readOtlpJson(span('"name":"a","name":"b"'))).toThrow(AmbiguousBody);
  expect(() => readOtlpJson(span('"traceId":"","trace_id":""'))).toThrow(AmbiguousBody);
});
