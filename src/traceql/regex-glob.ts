/**
 * Patterns that are only texts, dots and alternatives, as most are that people write: matched by
 * searching for the texts, which is many times as fast as a machine for all of RE2.
 *
 *   pattern := sequence ("|" sequence)*     item := text | "." | ".*" | ".+" | "(" pattern ")"
 *
 * Linear in text times pattern: a gap that was closed at the first place that fits never has to be
 * opened again but for the last one.
 */

/** A run of text; `.` of the pattern is ANY in it. */
interface Piece {
  readonly text: string;
  readonly hasAny: boolean;
}

/** Pieces with gaps between them; empty pieces at an end stand for a gap there. */
interface Glob {
  readonly pieces: readonly Piece[];
  /** Gaps must have at least so many characters, one number less than there are pieces. */
  readonly least: readonly number[];
}

/** Matches whole texts; undefined: of this text only the machine can tell. */
export type GlobTest = (text: string) => boolean | undefined;

/** No character of a text: not one of Unicode. */
const ANY = "\uffff";
const SURROGATE = /[\ud800-\udfff]/;
const ALTERNATIVES_MAX = 64;
/** A text that is searched for is compared anew at each place, so it must be short. */
const SEARCHED_MAX = 64;
const META = /[\\^$.|?*+()[\]{}]/;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** Undefined when the pattern has more in it. */
export function compileGlob(pattern: string): GlobTest | undefined {
  const globs = readGlobs(pattern);
  if (globs === undefined) return undefined;
  const counts = globs.some(isCounting);
  return (text) => {
    // A dot is a whole character, and here are halves of some.
    if (counts && SURROGATE.test(text)) return undefined;
    for (const glob of globs) if (fits(glob, text)) return true;
    return false;
  };
}

/**
 * The pattern as texts with any bytes between them, for each of its alternatives; undefined when
 * it counts characters, or is no such pattern at all.
 */
export function globTexts(pattern: string): readonly (readonly string[])[] | undefined {
  const globs = readGlobs(pattern);
  // What is no UTF-8 is shown as U+FFFD, but is not stored as that.
  if (globs === undefined || pattern.includes("\ufffd") || globs.some(isCounting)) return undefined;
  return globs.map(({ pieces }) => pieces.map(({ text }) => text));
}

function readGlobs(pattern: string): readonly Glob[] | undefined {
  if (pattern.includes(ANY)) return undefined;
  const globs = new GlobReader(pattern).read()?.map(globOf);
  const isLong = ({ pieces }: Glob) =>
    pieces.slice(1, -1).some(({ text }) => text.length > SEARCHED_MAX);
  return globs?.some(isLong) ? undefined : globs;
}

function isCounting({ pieces, least }: Glob): boolean {
  return pieces.some((piece) => piece.hasAny) || least.some((one) => one > 0);
}

type Item = { readonly text: string } | { readonly least: number };
type Sequence = readonly Item[];

/** Alternatives of a pattern, groups multiplied out. */
class GlobReader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  read(): readonly Sequence[] | undefined {
    const found = this.#alternatives();
    return this.#at === this.#pattern.length ? found : undefined;
  }

  #alternatives(): readonly Sequence[] | undefined {
    const all: Sequence[] = [];
    for (;;) {
      const found = this.#sequences();
      if (found === undefined) return undefined;
      all.push(...found);
      if (all.length > ALTERNATIVES_MAX) return undefined;
      if (this.#pattern[this.#at] !== "|") return all;
      this.#at++;
    }
  }

  #sequences(): readonly Sequence[] | undefined {
    let all: readonly Sequence[] = [[]];
    while (this.#at < this.#pattern.length) {
      const char = this.#pattern[this.#at];
      if (char === "|" || char === ")") break;
      const next = char === "(" ? this.#group() : this.#item(char);
      // What follows may repeat what was read.
      if (next === undefined || /[*+?{]/.test(this.#pattern[this.#at] ?? "")) return undefined;
      if (all.length * next.length > ALTERNATIVES_MAX) return undefined;
      all = all.flatMap((before) => next.map((items) => [...before, ...items]));
    }
    return all;
  }

  #group(): readonly Sequence[] | undefined {
    this.#at++;
    if (this.#pattern.startsWith("?:", this.#at)) this.#at += 2;
    const found = this.#alternatives();
    if (found === undefined || this.#pattern[this.#at] !== ")") return undefined;
    this.#at++;
    return found;
  }

  #item(char: string): readonly Sequence[] | undefined {
    this.#at++;
    const next = this.#pattern[this.#at] ?? "";
    if (char === ".") {
      if (next !== "*" && next !== "+") return [[{ text: ANY }]];
      this.#at++;
      return [[{ least: next === "+" ? 1 : 0 }]];
    }
    if (char === "\\") {
      if (!PUNCTUATION.test(next)) return undefined;
      this.#at++;
      return [[{ text: next }]];
    }
    return META.test(char) ? undefined : [[{ text: char }]];
  }
}

function globOf(items: Sequence): Glob {
  const texts = [""];
  const least: number[] = [];
  let isGap = false;
  for (const item of items) {
    if ("text" in item) texts[texts.length - 1] += item.text;
    else if (isGap) least[least.length - 1] += item.least;
    else {
      texts.push("");
      least.push(item.least);
    }
    isGap = !("text" in item);
  }
  return { pieces: texts.map((text) => ({ text, hasAny: text.includes(ANY) })), least };
}

function fits({ pieces, least }: Glob, text: string): boolean {
  const first = pieces[0];
  if (pieces.length === 1) return text.length === first.text.length && isAt(first, text, 0);
  const last = pieces[pieces.length - 1];
  const end = text.length - last.text.length;
  if (end < first.text.length || !isAt(first, text, 0) || !isAt(last, text, end)) return false;
  let at = first.text.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const from = at + least[i - 1];
    const found = find(pieces[i], text, from);
    if (found < 0) return false;
    at = found + pieces[i].text.length;
  }
  return at + least[least.length - 1] <= end;
}

function isAt(piece: Piece, text: string, at: number): boolean {
  if (!piece.hasAny) return text.startsWith(piece.text, at);
  if (at + piece.text.length > text.length) return false;
  for (let i = 0; i < piece.text.length; i++) {
    const wanted = piece.text[i];
    if (wanted !== ANY && wanted !== text[at + i]) return false;
  }
  return true;
}

function find(piece: Piece, text: string, from: number): number {
  if (!piece.hasAny) return text.indexOf(piece.text, from);
  for (let at = from; at + piece.text.length <= text.length; at++) {
    if (isAt(piece, text, at)) return at;
  }
  return -1;
}
