/** "Did you mean …": the known name that an unknown one most likely stands for. */
import { CONFIG_KEY_LENGTH_COMPARED_MAX } from "../limits.ts";

/** The least number of letters to insert, remove or replace, two swapped ones being one. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, before[j - 2] + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[b.length];
}

/** Nearest within a third of the name's length; dashes, underscores and case do not count. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > CONFIG_KEY_LENGTH_COMPARED_MAX) return undefined;
  const wanted = folded(name);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, folded(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * For a key that nothing at its place resembles: where its name is known elsewhere. Among several
 * the path that shares the most with where it was written, then the shortest.
 */
export function nearestPath(path: string, known: readonly string[]): string | undefined {
  const name = path.slice(path.lastIndexOf(".") + 1);
  const names = new Set(known.map(lastName));
  const found = names.has(name) ? name : nearestName(name, names);
  if (found === undefined) return undefined;
  return known
    .filter((candidate) => lastName(candidate) === found)
    .toSorted((a, b) => sharedParts(b, path) - sharedParts(a, path) || a.length - b.length)[0];
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function sharedParts(a: string, b: string): number {
  const parts = new Set(b.split("."));
  return a.split(".").filter((part) => parts.has(part)).length;
}

function folded(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, "");
}
