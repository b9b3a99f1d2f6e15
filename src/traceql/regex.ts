/**
 * Patterns of queries: RE2's syntax and its linear time, by the package re2js. A pattern fits a
 * whole text, and a dot fits any character, line breaks too.
 *
 * The texts of a column are asked block by block, and mostly are the same ones: for patterns that
 * take the machine, what it said of the last texts is kept.
 */
import { RE2JS } from "re2js";
import { compileGlob } from "./regex-glob.ts";
import { TraceqlError } from "./traceql-error.ts";

/** Longer ones are refused: a program grows with its pattern. */
const PATTERN_BYTES_MAX = 4096;
/** Of the patterns used last; a question has few. */
const PATTERNS_MAX = 16;
/** Verdicts kept of each, and of no longer texts. */
const VERDICTS_MAX = 20_000;
const VERDICT_TEXT_MAX = 256;

export type TextTest = (text: string) => boolean;

const compiled = new Map<string, TextTest>();

/** Whether texts fit the pattern as a whole; throws TraceqlError for one that is no pattern. */
export function compileRegex(pattern: string): TextTest {
  const known = compiled.get(pattern);
  if (known !== undefined) {
    compiled.delete(pattern);
    compiled.set(pattern, known);
    return known;
  }
  const test = compileNew(pattern);
  compiled.set(pattern, test);
  for (const oldest of compiled.keys()) {
    if (compiled.size <= PATTERNS_MAX) break;
    compiled.delete(oldest);
  }
  return test;
}

export function checkRegex(pattern: string): void {
  compileRegex(pattern);
}

function compileNew(pattern: string): TextTest {
  if (pattern.length > PATTERN_BYTES_MAX) {
    throw new TraceqlError(`invalid regex: over ${PATTERN_BYTES_MAX} characters`);
  }
  try {
    const machine = withVerdicts(RE2JS.compile(pattern, RE2JS.DOTALL));
    const glob = compileGlob(pattern);
    return glob === undefined ? machine : (text) => glob(text) ?? machine(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TraceqlError(`invalid regex: \`${pattern}\`: ${reason}`);
  }
}

function withVerdicts(machine: RE2JS): TextTest {
  const verdicts = new Map<string, boolean>();
  return (text) => {
    if (text.length > VERDICT_TEXT_MAX) return machine.matches(text);
    const known = verdicts.get(text);
    if (known !== undefined) return known;
    const found = machine.matches(text);
    if (verdicts.size >= VERDICTS_MAX) verdicts.clear();
    verdicts.set(text, found);
    return found;
  };
}
