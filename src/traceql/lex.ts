/**
 * A query into tokens. Context decides in one place only: behind a scope and a dot (or a dot
 * alone) comes the name of an attribute, in which most characters are letters, so `.a-b` is one
 * attribute and `.a - b` a subtraction.
 */
import type { AttributeScope } from "./ast.ts";
import { parseDuration } from "./duration.ts";
import { placeOf, TraceqlError } from "./traceql-error.ts";

interface At {
  /** Offsets in the source. */
  readonly from: number;
  readonly to: number;
}

export type Token = At &
  (
    | { readonly type: "end" }
    | { readonly type: "symbol" | "word"; readonly text: string }
    | { readonly type: "string"; readonly value: string }
    | { readonly type: "int" | "duration"; readonly value: bigint }
    | { readonly type: "float"; readonly value: number }
    /** `span:duration`; the text is as written. */
    | { readonly type: "scoped"; readonly text: string }
    | {
        readonly type: "attribute";
        readonly scope: AttributeScope;
        readonly parent: boolean;
        readonly name: string;
      }
  );

/** Longer ones first, so that the longest that fits is taken. */
const SYMBOLS = [
  ...["!>>", "!<<", "&>>", "&<<"],
  ...["!=", "!~", "!>", "!<", "&&", "&>", "&<", "&~", "||", "=~", "<=", "<<", ">=", ">>"],
  ..."{}()=<>~!+-*/%^|,".split(""),
];
const ATTRIBUTE_ENDS = new Set("{}()=~!<>&|^,");
const SCOPES = ["resource", "span", "event", "link", "instrumentation"] as const;
const SCOPED = /(?:trace|span|event|link|instrumentation):[A-Za-z]+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const DURATION = /[\d.]+[nsuµμmhdwy][nsuµμmhdwy\d.]*/y;
const SCOPE = /(parent\.)?(resource|span|event|link|instrumentation)?\.|parent\./y;
const SPACE = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const INT_MAX = 2n ** 63n - 1n;

/** Those that walk a tree must not run out of stack: a long chain of operators is a deep one. */
const TOKENS_MAX = 8192;

/** All tokens, the last of type "end". Throws TraceqlError. */
export function lex(source: string): Token[] {
  const lexer = new Lexer(source);
  const tokens: Token[] = [];
  for (;;) {
    const token = lexer.next();
    if (tokens.length === TOKENS_MAX) {
      throw new TraceqlError(`over ${TOKENS_MAX} words and operators`, placeOf(source, token.from));
    }
    tokens.push(token);
    if (token.type === "end") return tokens;
  }
}

class Lexer {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  next(): Token {
    this.#take(SPACE);
    const from = this.#at;
    const char = this.#source[from];
    if (char === undefined) return { type: "end", from, to: from };
    // Those that end are space.
    if (this.#source.startsWith("/*", from)) {
      throw this.#error(from, "syntax error: comment not terminated");
    }
    if (char === '"' || char === "`") {
      const value = char === "`" ? this.#rawString() : this.#quoted(true);
      return { type: "string", value, from, to: this.#at };
    }
    const isNumber = /\d/.test(char) || (char === "." && /\d/.test(this.#source[from + 1] ?? ""));
    if (isNumber) return this.#number();
    const scoped = this.#take(SCOPED);
    if (scoped !== undefined) return { type: "scoped", text: scoped, from, to: this.#at };
    const scope = this.#scope();
    if (scope !== undefined) return this.#attribute(from, scope);
    const word = this.#take(WORD);
    if (word !== undefined) return { type: "word", text: word, from, to: this.#at };
    const symbol = SYMBOLS.find((text) => this.#source.startsWith(text, from));
    if (symbol === undefined) throw this.#error(from, `syntax error: unexpected ${char}`);
    this.#at += symbol.length;
    return { type: "symbol", text: symbol, from, to: this.#at };
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  #number(): Token {
    const from = this.#at;
    const duration = this.#take(DURATION);
    if (duration !== undefined) {
      const value = parseDuration(duration);
      if (value === undefined) throw this.#error(from, `not a duration: ${duration}`);
      return { type: "duration", value, from, to: this.#at };
    }
    const text = this.#take(NUMBER) ?? "";
    const to = this.#at;
    if (/^\d+$/.test(text)) {
      const value = BigInt(text);
      if (value > INT_MAX) throw this.#error(from, `integer out of range: ${text}`);
      return { type: "int", value, from, to };
    }
    return { type: "float", value: Number(text), from, to };
  }

  #scope(): { scope: AttributeScope; parent: boolean } | undefined {
    const text = this.#take(SCOPE);
    if (text === undefined) return undefined;
    const parts = text.split(".");
    const scope = SCOPES.find((name) => name === parts.at(-2)) ?? "none";
    return { scope, parent: parts[0] === "parent" };
  }

  #attribute(from: number, scope: { scope: AttributeScope; parent: boolean }): Token {
    let name = "";
    for (;;) {
      const char = this.#source[this.#at];
      if (char === undefined || /\s/.test(char) || ATTRIBUTE_ENDS.has(char)) break;
      if (char === '"') name += this.#quoted(false);
      else {
        name += char;
        this.#at++;
      }
    }
    if (name === "") throw this.#error(from, "syntax error: an attribute without a name");
    return { type: "attribute", ...scope, name, from, to: this.#at };
  }

  #rawString(): string {
    const end = this.#source.indexOf("`", this.#at + 1);
    if (end < 0) throw this.#error(this.#at, "syntax error: literal not terminated");
    const value = this.#source.slice(this.#at + 1, end).replaceAll("\r", "");
    this.#at = end + 1;
    return value;
  }

  /** Go's escapes in a string; in a name only those of the quote and of the backslash. */
  #quoted(isString: boolean): string {
    const from = this.#at;
    let value = "";
    for (let at = from + 1; at < this.#source.length; ) {
      const char = this.#source[at];
      if (char === '"') {
        this.#at = at + 1;
        return value;
      }
      if (char === "\n" && isString) break;
      if (char !== "\\") {
        value += char;
        at++;
        continue;
      }
      const escaped = isString ? goEscape(this.#source, at) : nameEscape(this.#source, at);
      if (escaped === undefined) throw this.#error(at, "syntax error: unknown escape sequence");
      value += escaped.text;
      at += escaped.length;
    }
    throw this.#error(from, "syntax error: literal not terminated");
  }

  #error(offset: number, message: string): TraceqlError {
    return new TraceqlError(message, placeOf(this.#source, offset));
  }
}

interface Escape {
  readonly text: string;
  /** Of the whole sequence. */
  readonly length: number;
}

function nameEscape(source: string, at: number): Escape | undefined {
  const char = source[at + 1];
  return char === '"' || char === "\\" ? { text: char, length: 2 } : undefined;
}

const SIMPLE: Readonly<Record<string, string>> = {
  ...{ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
  ...{ "\\": "\\", '"': '"' },
};
const CODED = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))/y;

/** Bytes above 127 by \x or octal would make invalid UTF-8, which no attribute has. */
function goEscape(source: string, at: number): Escape | undefined {
  const simple = SIMPLE[source[at + 1]];
  if (simple !== undefined) return { text: simple, length: 2 };
  CODED.lastIndex = at;
  const match = CODED.exec(source);
  if (match === null) return undefined;
  const [whole, byte, short, long, octal] = match;
  const code =
    octal === undefined ? Number.parseInt(byte ?? short ?? long, 16) : Number.parseInt(octal, 8);
  const isByte = byte !== undefined || octal !== undefined;
  const isScalar = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if (!isScalar || (isByte && code > 127)) return undefined;
  return { text: String.fromCodePoint(code), length: whole.length };
}
