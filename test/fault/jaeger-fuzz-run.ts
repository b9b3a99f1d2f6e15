/**
 * Fuzzes the readers of Jaeger's formats and prints what became of the inputs:
 *
 *   jaeger-fuzz-run.ts [inputs of each form] [seed] [first input] [form]
 *
 * A failure prints its form, its seed and the number of its input, which repeat it.
 */
import { fuzzJaeger, JAEGER_FORMS, type JaegerForm } from "../receive/jaeger-fuzz.ts";

const [inputs, seed, first] = [20_000, 1, 0].map((preset, i) => {
  const text = process.argv[2 + i];
  return text === undefined ? preset : Number(text);
});
const only = process.argv[5];
const forms = JAEGER_FORMS.filter((form) => only === undefined || form === only);
const STEP = 50_000;
const print = (line: string) => process.stdout.write(`${line}\n`);

function run(form: JaegerForm): string {
  const all = new Map<string, number>();
  let spans = 0;
  for (let done = 0; done < inputs; done += STEP) {
    const part = Math.min(STEP, inputs - done);
    const report = fuzzJaeger({ form, inputs: part, seed, from: first + done });
    for (const [end, count] of report.ends) all.set(end, (all.get(end) ?? 0) + count);
    spans += report.spans;
  }
  const ends = [...all].map(([end, count]) => `${end} ${count}`).join(", ");
  return `${form}: ${inputs} inputs, ${ends}, ${spans} spans read`;
}

for (const form of forms) {
  const began = performance.now();
  const line = run(form);
  print(`${line}, ${((performance.now() - began) / 1000).toFixed(1)} s`);
}
