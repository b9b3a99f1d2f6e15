/**
 * `key=value key2="a b"` into pairs, as the logfmt package of Go reads it: a key alone has the
 * empty value, lines follow each other, escapes in quotes are JSON's.
 */
import { EngineError } from "../base/error.ts";

/** Throws `malformed`, with the byte where it goes wrong, from 1. A key twice is refused. */
export function parseLogfmt(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const line of text.split("\n")) {
    const reader = new LineReader(line);
    while (reader.skipSpace()) {
      const key = reader.key();
      if (pairs.has(key)) throw refused(`tag ${key} has been set twice`);
      pairs.set(key, reader.value());
    }
  }
  return pairs;
}

class LineReader {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  /** False at the end of the line. */
  skipSpace(): boolean {
    while (this.#at < this.#line.length && isSpace(this.#line[this.#at])) this.#at++;
    return this.#at < this.#line.length;
  }

  key(): string {
    const key = this.#plain("=");
    if (key === "" || this.#line[this.#at] === '"') throw this.#unexpected();
    return key;
  }

  /** After a key: empty unless an equals sign follows. */
  value(): string {
    if (this.#line[this.#at] !== "=") return "";
    this.#at++;
    if (this.#line[this.#at] === '"') return this.#quoted();
    const value = this.#plain("=");
    if (this.#line[this.#at] === "=" || this.#line[this.#at] === '"') throw this.#unexpected();
    return value;
  }

  /** Up to a space, a quote or the stop. */
  #plain(stop: string): string {
    const from = this.#at;
    for (; this.#at < this.#line.length; this.#at++) {
      const character = this.#line[this.#at];
      if (isSpace(character) || character === '"' || character === stop) break;
    }
    return this.#line.slice(from, this.#at);
  }

  #quoted(): string {
    const from = this.#at + 1;
    let isEscaped = false;
    for (this.#at = from; this.#at < this.#line.length; this.#at++) {
      const character = this.#line[this.#at];
      if (isEscaped) isEscaped = false;
      else if (character === "\\") isEscaped = true;
      else if (character === '"') return this.#unescaped(this.#line.slice(from, this.#at++));
    }
    throw this.#wrong("unterminated quoted value");
  }

  #unescaped(text: string): string {
    try {
      // Only escapes are JSON's: tabs and the like may stand in the quotes as they are.
      return text.replace(/\\(u[0-9a-fA-F]{4}|.)/gsu, (one) => JSON.parse(`"${one}"`));
    } catch {
      throw this.#wrong("invalid quoted value");
    }
  }

  #unexpected(): EngineError {
    return this.#wrong(`unexpected '${this.#line[this.#at]}'`);
  }

  #wrong(message: string): EngineError {
    const bytes = Buffer.byteLength(this.#line.slice(0, this.#at));
    return refused(`${message} at pos ${bytes + 1}`);
  }
}

/** Controls are spaces. */
function isSpace(character: string): boolean {
  return character <= " ";
}

function refused(message: string): EngineError {
  return new EngineError("malformed", `invalid tags: ${message}`);
}
