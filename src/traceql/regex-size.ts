/**
 * About how many instructions a pattern becomes: a repetition is written out, so that a dozen
 * characters can become a million, which take seconds to compile and more for each text. Found
 * before that, in one pass.
 */

const REPEAT = /\{(\d{1,4})(,(\d{0,4}))?\}/y;
/** \Q…\E, \x{…}, \p{…}, \pL, and any other escape. */
const ESCAPE = /\\(?:Q[\s\S]*?(?:\\E|$)|[xpP]\{[^}]*\}|[pP][\s\S]|[\s\S]|$)/y;
/** A bracket right behind the beginning is one of the class. */
const CLASS = /\[\^?\]?(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]?/y;

/** A sequence so far, and the last thing in it, which a repetition behind it repeats. */
interface Level {
  before: number;
  last: number;
}

export function regexSize(pattern: string): number {
  const levels: Level[] = [{ before: 1, last: 0 }];
  const add = (size: number) => {
    const level = levels[levels.length - 1];
    level.before += level.last;
    level.last = size;
  };
  for (let at = 0; at < pattern.length; ) {
    const taken = textAt(REPEAT, pattern, at);
    if (taken !== undefined) {
      const level = levels[levels.length - 1];
      const [least, , most = ""] = taken.groups;
      level.last = level.last * Math.max(Number(least), Number(most), 1) + 1;
      at += taken.length;
      continue;
    }
    const atom = textAt(ESCAPE, pattern, at) ?? textAt(CLASS, pattern, at);
    if (atom !== undefined) {
      // Of \Q…\E each character is one.
      add(pattern.startsWith("\\Q", at) ? atom.length : 1);
      at += atom.length;
      continue;
    }
    const char = pattern[at++];
    if (char === "(") levels.push({ before: 2, last: 0 });
    else if (char === ")" && levels.length > 1) {
      const { before, last } = levels.pop() ?? { before: 0, last: 0 };
      add(before + last);
    } else add(1);
  }
  return levels.reduce((sum, { before, last }) => sum + before + last, 0);
}

function textAt(expression: RegExp, text: string, at: number) {
  expression.lastIndex = at;
  const match = expression.exec(text);
  if (match === null) return undefined;
  const [whole, ...groups] = match;
  return { length: whole.length, groups };
}
