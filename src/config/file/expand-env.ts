/**
 * `-config.expand-env`: variables of the environment in the text of the file, before YAML sees it,
 * in the forms that Tempo's library takes:
 *
 *   ${VAR}              its value; empty when it is not set
 *   ${VAR:-text} ${VAR-text} ${VAR:=text} ${VAR=text}
 *                       the text when it is not set or empty; the text may hold variables again
 *   ${#VAR}             its length
 *   ${VAR^^} ${VAR^}    in capitals, all of it or its first letter
 *   ${VAR,,} ${VAR,}    in small letters, likewise
 *   $${                 the two characters ${ and no variable
 *
 * Every other form is a problem, not silence: `${VAR/a/b}` would otherwise reach a path as it is.
 * A lone `$` is left alone. What comes out remembers where it came from, so that a problem found
 * in the expanded text is reported at its place in the file.
 */
import { ENV_DEPTH_MAX, ENV_EXPANDED_BYTES_MAX } from "../limits.ts";

export interface Expanded {
  readonly text: string;
  /** The offset in the file of an offset in `text`. */
  readonly origin: (offset: number) => number;
  readonly problems: readonly { readonly offset: number; readonly message: string }[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** From `start` of the expanded text on, either text of the file or what replaced a variable. */
interface Piece {
  readonly start: number;
  readonly offset: number;
  readonly replaced: boolean;
}

export function expandEnvironment(text: string, env: Environment): Expanded {
  const problems: { offset: number; message: string }[] = [];
  const pieces: Piece[] = [];
  let out = "";
  let position = 0;
  while (position < text.length) {
    const dollar = text.indexOf("${", position);
    const end = dollar < 0 ? text.length : dollar;
    const escaped = dollar > position && text[dollar - 1] === "$";
    pieces.push({ start: out.length, offset: position, replaced: false });
    out += text.slice(position, escaped ? end - 1 : end);
    position = end;
    if (dollar < 0) break;
    if (escaped) {
      pieces.push({ start: out.length, offset: dollar, replaced: false });
      out += "${";
      position = dollar + 2;
      continue;
    }
    const result = expandOne(text, dollar, { env, depth: 1 });
    pieces.push({ start: out.length, offset: dollar, replaced: true });
    if (result.problem !== undefined) problems.push({ offset: dollar, message: result.problem });
    out += result.value;
    position = result.end;
    if (out.length > ENV_EXPANDED_BYTES_MAX) {
      problems.push({ offset: dollar, message: "the file grows too large with its variables" });
      break;
    }
  }
  return { text: out, origin: (offset) => originOf(pieces, offset), problems };
}

function originOf(pieces: readonly Piece[], offset: number): number {
  const next = pieces.findIndex((piece) => piece.start > offset);
  const piece = pieces.at(next < 0 ? -1 : next - 1);
  if (piece === undefined) return offset;
  return piece.replaced ? piece.offset : piece.offset + offset - piece.start;
}

interface One {
  readonly value: string;
  /** The offset behind the closing brace. */
  readonly end: number;
  readonly problem?: string;
}

const FORM = /^(#?)([A-Za-z0-9_]+)(?:(\^\^?|,,?)|:?[-=](.*))?$/s;

interface Nesting {
  readonly env: Environment;
  readonly depth: number;
}

function expandOne(text: string, start: number, nesting: Nesting): One {
  const end = closingBrace(text, start);
  if (end === undefined) {
    return { value: "", end: text.length, problem: "a ${ without its closing brace" };
  }
  const body = text.slice(start + 2, end - 1);
  const match = FORM.exec(body);
  if (match === null || (match[1] !== "" && body.length > match[2].length + 1)) {
    const name = /^#?[A-Za-z0-9_]*/.exec(body)?.[0] ?? "";
    const message = `this form of \${${name}…} is not known; use \${VAR} or \${VAR:-default}`;
    return { value: "", end, problem: message };
  }
  const [, length, name, letterCase, fallback] = match;
  const { env } = nesting;
  const given = (Object.hasOwn(env, name) ? env[name] : undefined) ?? "";
  if (length !== "") return { value: String([...given].length), end };
  if (letterCase !== undefined) return { value: changeCase(given, letterCase), end };
  if (fallback === undefined || given !== "") return { value: given, end };
  return { ...expandNested(fallback, nesting), end };
}

/** The text of a default. Its length is bounded by the file's, its depth by a limit. */
function expandNested(text: string, nesting: Nesting): Omit<One, "end"> {
  const { env, depth } = nesting;
  if (depth > ENV_DEPTH_MAX) return { value: "", problem: "variables nested too deeply" };
  let value = "";
  let position = 0;
  for (;;) {
    const dollar = text.indexOf("${", position);
    if (dollar < 0) return { value: value + text.slice(position) };
    const one = expandOne(text, dollar, { env, depth: depth + 1 });
    if (one.problem !== undefined) return { value: "", problem: one.problem };
    value += text.slice(position, dollar) + one.value;
    position = one.end;
  }
}

/** Behind the brace that closes the one at `start + 1`, or undefined on another line's end. */
function closingBrace(text: string, start: number): number | undefined {
  let open = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "$" && text[i + 1] === "{") {
      open++;
      i++;
    } else if (text[i] === "}") {
      open--;
      if (open === 0) return i + 1;
    } else if (text[i] === "\n") {
      return undefined;
    }
  }
  return undefined;
}

function changeCase(text: string, form: string): string {
  const change = (part: string) => (form[0] === "^" ? part.toUpperCase() : part.toLowerCase());
  return form.length === 2 ? change(text) : change(text.slice(0, 1)) + text.slice(1);
}
