/** A place in a list of tokens, and what parsers say when the next one is not what they need. */
import { lex, type Token } from "./lex.ts";
import { notePlace } from "./node-places.ts";
import { regexSize } from "./regex-size.ts";
import { placeOf, TraceqlError } from "./traceql-error.ts";

/** Deeper nesting is refused: a parser that recurses must not run out of stack. */
const DEPTH_MAX = 200;
/** Instructions of all patterns together: some milliseconds to compile. */
const REGEX_SIZE_MAX = 10_000;

export class TokenCursor {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #regexSize = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = lex(source);
  }

  get token(): Token {
    return this.#tokens[this.#at];
  }

  /** The token behind the next one. */
  get following(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)];
  }

  next(): Token {
    const token = this.token;
    if (token.type !== "end") this.#at++;
    return token;
  }

  /** The next token's text if it is a symbol. */
  get symbol(): string | undefined {
    return this.token.type === "symbol" ? this.token.text : undefined;
  }

  get word(): string | undefined {
    return this.token.type === "word" ? this.token.text : undefined;
  }

  /** Takes the symbol if it is next. */
  accept(symbol: string): boolean {
    if (this.symbol !== symbol) return false;
    this.#at++;
    return true;
  }

  expect(symbol: string): void {
    if (!this.accept(symbol)) throw this.unexpected();
  }

  expectEnd(): void {
    if (this.token.type !== "end") throw this.unexpected();
  }

  unexpected(token: Token = this.token): TraceqlError {
    const text = token.type === "end" ? "end of query" : this.#source.slice(token.from, token.to);
    return this.error(`syntax error: unexpected ${text}`, token);
  }

  error(message: string, token: Token = this.token): TraceqlError {
    return new TraceqlError(message, placeOf(this.#source, token.from));
  }

  /** Notes that a node begins with this token. */
  placed<const Node extends object>(node: Node, { from }: Pick<Token, "from">): Node {
    notePlace(node, this.#source, from);
    return node;
  }

  /** Counts a pattern among those of the query. */
  countRegex(pattern: string, token: Token): void {
    this.#regexSize += regexSize(pattern);
    if (this.#regexSize <= REGEX_SIZE_MAX) return;
    throw this.error("invalid regex: with its repetitions it is too long", token);
  }

  /** Runs `parse` one level deeper. */
  nested<T>(parse: () => T): T {
    if (this.#depth === DEPTH_MAX) throw this.error(`nested more than ${DEPTH_MAX} deep`);
    this.#depth++;
    const result = parse();
    this.#depth--;
    return result;
  }
}
