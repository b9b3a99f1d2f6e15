/** The repository as text, for tests that hold it against the house rules. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments and the contents of strings blanked; lines stay where they are. */
  readonly code: string;
}

/** All text files of the checkout, apart from what .gitignore names. Needs no git. */
export function readCheckout(): SourceFile[] {
  const ignored = readFileSync(join(ROOT, ".gitignore"), "utf8")
    .split("\n")
    .map((line) => line.trim().replace(/^\/|\/$/g, ""))
    .filter((line) => line !== "" && !line.startsWith("#"));
  const skip = new Set([".git", ...ignored]);
  const files: SourceFile[] = [];
  const visit = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      const shown = relative(ROOT, path).replaceAll("\\", "/");
      if (skip.has(shown) || skip.has(name)) continue;
      if (statSync(path).isDirectory()) visit(path);
      else files.push(readSource(shown, path));
    }
  };
  visit(ROOT);
  return files.filter((file) => !file.text.includes("\0"));
}

function readSource(shown: string, path: string): SourceFile {
  const text = readFileSync(path, "utf8");
  return { path: shown, text, code: /\.(ts|mjs)$/.test(shown) ? codeOnly(text) : "" };
}

const OPAQUE = new RegExp(
  [
    /\/\/[^\n]*/,
    /\/\*[\s\S]*?\*\//,
    /"(?:\\.|[^"\\\n])*"/,
    /'(?:\\.|[^'\\\n])*'/,
    // A regular expression stands where a value may begin.
    /(?<=[(,=:[!&|?{};\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);

/**
 * Blanks comments, strings and regular expressions. Templates stay whole, because code stands in
 * them; a rule that trips over the text of one can be met by a plain string.
 */
export function codeOnly(text: string): string {
  return text.replace(OPAQUE, (match) => match.replace(/[^\n"']/g, " "));
}

/** The lines of `text` (1-based numbers) that match. */
export function linesMatching(text: string, pattern: RegExp): number[] {
  return text.split("\n").flatMap((line, at) => (pattern.test(line) ? [at + 1] : []));
}

export interface Import {
  readonly target: string;
  readonly line: number;
}

const IMPORT = new RegExp(
  [
    /\b(?:from|import)\s*\(?\s*["']([^"']+)["']/,
    /\bnew URL\(\s*["'](\.[^"']+)["'],\s*import\.meta\.url/,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);

/** Everything that a file names as a module: value, type and dynamic imports, worker entries. */
export function importsOf(file: SourceFile): Import[] {
  const imports: Import[] = [];
  for (const match of file.text.matchAll(IMPORT)) {
    // In a comment or a string the keyword was blanked.
    if (file.code.slice(match.index, match.index + 4).trim() === "") continue;
    const line = file.text.slice(0, match.index).split("\n").length;
    imports.push({ target: match[1] ?? match[2] ?? "", line });
  }
  return imports;
}
