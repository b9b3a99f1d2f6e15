/**
 * Patterns of queries: RE2's syntax and its linear time, by the package re2js. A pattern fits a
 * whole text, and a dot fits any character, line breaks too.
 */
import { RE2JS } from "re2js";
import { TraceqlError } from "./traceql-error.ts";

/** Longer ones are refused: a program grows with its pattern. */
const PATTERN_BYTES_MAX = 4096;

export type TextTest = (text: string) => boolean;

/** Whether texts fit the pattern as a whole; throws TraceqlError for one that is no pattern. */
export function compileRegex(pattern: string): TextTest {
  if (pattern.length > PATTERN_BYTES_MAX) {
    throw new TraceqlError(`invalid regex: over ${PATTERN_BYTES_MAX} characters`);
  }
  try {
    const compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
    return (text) => compiled.matches(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TraceqlError(`invalid regex: \`${pattern}\`: ${reason}`);
  }
}

export function checkRegex(pattern: string): void {
  compileRegex(pattern);
}
