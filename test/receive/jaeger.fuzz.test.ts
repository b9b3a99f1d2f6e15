/** A slice of the million that test/fault/jaeger-fuzz-run.ts runs. */
import { expect, test } from "vitest";
import { fuzzJaeger, JAEGER_FORMS } from "./jaeger-fuzz.ts";

test.each(JAEGER_FORMS)("mutated messages in %s", (form) => {
  const { ends, spans } = fuzzJaeger({ form, inputs: 6000, seed: 1, from: 0 });
  expect(ends.get("read")).toBeGreaterThan(200);
  expect(ends.get("malformed")).toBeGreaterThan(200);
  expect(spans).toBeGreaterThan(200);
});
