/**
 * The head of a request of HTTP/1.1 (RFC 9112), read strictly: what servers and proxies might read
 * in two ways is refused, as the second request in it would be somebody else's.
 */

export interface Http1Head {
  readonly method: string;
  /** Begins with a slash, or names scheme and host. */
  readonly target: string;
  /** By names in lower case; what came several times is one, with commas. */
  readonly fields: ReadonlyMap<string, string>;
  /** The body's length in bytes; zero where there is none. */
  readonly length: number | "chunked";
  /** The client wants no answer after this one's. */
  readonly closes: boolean;
  /** It waits until it is told to send the body. */
  readonly expects: boolean;
}

/** The status of the answer that ends the connection. */
export type HeadFault = 400 | 431 | 505;

export const HEAD_BYTES_MAX = 16 * 1024;
const FIELDS_MAX = 200;

const REQUEST_LINE =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\/[^ \t]*|https?:\/\/[^ \t]+) HTTP\/([0-9])\.([0-9])$/;
const OTHER_VERSION = /^[^ ]+ [^ ]+ HTTP\/[0-9]\.[0-9]$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LENGTH = /^[0-9]+$/;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DELETE = 0x7f;

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly isOld: boolean;
}

interface Field {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
}

/**
 * Clients send the same lines again and again, but for lengths, and who was refused the same head:
 * what was read of them is kept.
 */
const KEPT_MAX = 1000;
const KEPT_LENGTH_MAX = 500;
const heads = new Map<string, Http1Head>();
const requestLines = new Map<string, RequestLine>();
const fieldLines = new Map<string, Field>();

/** Some clients send one behind a body, and RFC 9112 (2.2) has it passed over before a head. */
export function isEmptyLine(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === CR && bytes[at + 1] === LF;
}

/**
 * Where the head ends that begins at `from`, with the empty line. Zero: it has not ended; below
 * zero: it never will, as no head has control characters, or halves of the end of a line.
 */
export function headEnd(bytes: Uint8Array, from: number): number {
  const to = bytes.length;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if ((byte >= SPACE && byte !== DELETE) || byte === TAB) continue;
    if (byte !== CR) return -1;
    if (at + 1 === to) return 0;
    if (bytes[at + 1] !== LF) return -1;
    if (at + 3 < to && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + 4;
    at += 1;
  }
  return 0;
}

/** `end` as headEnd() says. */
export function parseHead(bytes: Buffer, from: number, end: number): Http1Head | HeadFault {
  if (end - from > HEAD_BYTES_MAX) return 431;
  return readOnce(heads, bytes.toString("latin1", from, end - 2), parseText);
}

/** Each of its lines ends with a return and a feed. */
function parseText(text: string): Http1Head | HeadFault {
  const lineEnd = text.indexOf("\r\n");
  const line = readOnce(requestLines, text.slice(0, lineEnd), parseRequestLine);
  if (typeof line === "number") return line;
  const { method, target, isOld } = line;
  const fields = new Map<string, string>();
  const fault = readFields(text, lineEnd + 2, fields);
  if (fault !== undefined) return fault;
  if (!isOld && !fields.has("host")) return 400;
  const length = lengthOf(fields, isOld);
  if (length === undefined) return 400;
  const closes = isOld || CLOSE.test(fields.get("connection") ?? "");
  const expects = !isOld && length !== 0 && fields.get("expect")?.toLowerCase() === "100-continue";
  return { method, target, fields, length, closes, expects };
}

function readOnce<T extends object>(
  kept: Map<string, T>,
  text: string,
  parse: (text: string) => T | HeadFault,
): T | HeadFault {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const parsed = parse(text);
  if (typeof parsed === "number" || text.length > KEPT_LENGTH_MAX) return parsed;
  if (kept.size >= KEPT_MAX) kept.clear();
  kept.set(text, parsed);
  return parsed;
}

function parseRequestLine(line: string): RequestLine | HeadFault {
  const [, method, target, major, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined) return faultOfLine(line);
  if (major !== "1" || (minor !== "1" && minor !== "0")) return 505;
  return { method, target, isOld: minor === "0" };
}

/** HTTP/2 begins like a request of another version, but for its target. */
function faultOfLine(line: string): HeadFault {
  const isOther =
    OTHER_VERSION.test(line) && !line.endsWith("HTTP/1.1") && !line.startsWith("PRI ");
  return isOther ? 505 : 400;
}

function readFields(
  text: string,
  from: number,
  fields: Map<string, string>,
): HeadFault | undefined {
  let count = 0;
  for (let at = from; at < text.length; ) {
    const end = text.indexOf("\r\n", at);
    count += 1;
    if (count > FIELDS_MAX) return 431;
    const field = readOnce(fieldLines, text.slice(at, end), parseField);
    if (typeof field === "number") return field;
    const { name, value } = field;
    const before = fields.get(name);
    if (before === undefined) fields.set(name, value);
    else if (!isRepeatable(name, before, value)) return 400;
    else if (name !== "content-length") fields.set(name, `${before}, ${value}`);
    at = end + 2;
  }
  return undefined;
}

function parseField(line: string): Field | HeadFault {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  return NAME.test(name) ? { name: name.toLowerCase(), value: trimmed(line, colon + 1) } : 400;
}

/** Two hosts, two lengths, two codings: which of them counts is what others might see otherwise. */
function isRepeatable(name: string, before: string, value: string): boolean {
  if (name === "content-length") return before === value;
  return name !== "host" && name !== "transfer-encoding";
}

function trimmed(text: string, from: number): string {
  const isBlank = (at: number) => text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB;
  let start = from;
  let end = text.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
}

/** Undefined: it cannot be told where the body ends. */
function lengthOf(
  fields: ReadonlyMap<string, string>,
  isOld: boolean,
): Http1Head["length"] | undefined {
  const declared = fields.get("content-length");
  const coding = fields.get("transfer-encoding");
  if (coding !== undefined) {
    const isChunked = coding.toLowerCase() === "chunked" && declared === undefined && !isOld;
    return isChunked ? "chunked" : undefined;
  }
  if (declared === undefined) return 0;
  if (!LENGTH.test(declared)) return undefined;
  const length = Number(declared);
  return Number.isSafeInteger(length) ? length : undefined;
}
