/**
 * What the configuration has to say to its author: a problem stops the start, a warning does not.
 * Both name the place and the key, so that an editor can jump there.
 */
import { EngineError } from "../base/error.ts";

/** Line and column count from one, as editors do. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where a value came from: a place in the file, or a flag of the command line. */
export type Source = Place | { readonly flag: string };

export interface Finding {
  readonly source: Source;
  /** The key path in the file; the flag's name when it came from the command line. */
  readonly path: string;
  readonly message: string;
}

/** `file:line:column: key.path: message`, or `command line: -flag: message`. */
export function findingText(finding: Finding): string {
  const { source, path, message } = finding;
  const subject = path === "" ? "" : `${path}: `;
  if ("flag" in source) return `command line: ${subject}${message}`;
  return `${sourceText(source)}: ${subject}${message}`;
}

export function sourceText(source: Source): string {
  if ("flag" in source) return `command line, -${source.flag}`;
  return `${source.file}:${source.line}:${source.column}`;
}

/** The command line first, then the file from top to bottom; equal lines only once. */
export function findingLines(findings: readonly Finding[]): string[] {
  const rank = (finding: Finding): readonly [number, number] =>
    "flag" in finding.source ? [0, 0] : [finding.source.line, finding.source.column];
  const sorted = findings.toSorted((a, b) => {
    const [lineA, columnA] = rank(a);
    const [lineB, columnB] = rank(b);
    return lineA - lineB || columnA - columnB;
  });
  return [...new Set(sorted.map(findingText))];
}

/** Holds all problems of a configuration, never only the first. */
export class ConfigError extends EngineError {
  readonly problems: readonly string[];

  constructor(findings: readonly Finding[]) {
    const problems = findingLines(findings);
    super("malformed", problems.join("\n"));
    this.problems = problems;
  }
}
