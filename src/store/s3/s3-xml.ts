/**
 * S3's XML, as far as there is any: flat lists of elements that hold text. Names and values are
 * looked for, nothing is parsed that nobody asks for.
 */
import { EngineError } from "../../base/error.ts";

const ERROR_BYTES_MAX = 16 * 1024;

/** The text of an element of S3's flat answers, errors above all. */
export function elementOf(name: string, body: Uint8Array): string | undefined {
  const start = textOf(body.subarray(0, ERROR_BYTES_MAX));
  const text = new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`).exec(start)?.[1];
  return text === undefined ? undefined : unescapeXml(text);
}

/** Whether it is an error, whatever its status says. */
export function isErrorBody(body: Uint8Array): boolean {
  const start = textOf(body.subarray(0, 256));
  return /^\s*(?:<\?xml[^>]*>\s*)?<Error[\s>]/.test(start);
}

/** The whole document. Throws store_unavailable when it has another root, or is cut off. */
export function documentOf(root: string, body: Uint8Array): string {
  const xml = textOf(body);
  if (!new RegExp(`<${root}[\\s>]`).test(xml.slice(0, 1_000))) throw strange(`no ${root} in it`);
  if (!new RegExp(`</${root}>\\s*$`).test(xml.slice(-100))) throw strange("no end");
  return xml;
}

/** What is inside of each element of that name. Throws store_unavailable when one does not end. */
export function* elementsOf(name: string, xml: string): Generator<string> {
  const open = `<${name}>`;
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(`</${name}>`, at);
    if (end < 0) throw strange(`a ${name} without an end`);
    yield xml.slice(at + open.length, end);
    at = end;
  }
}

/** Of the first element of the name, as it was before it was escaped; empty when there is none. */
export function textIn(name: string, xml: string): string {
  const open = xml.indexOf(`<${name}>`);
  if (open < 0) return "";
  const start = open + name.length + 2;
  const end = xml.indexOf("<", start);
  return end < 0 ? "" : unescapeXml(xml.slice(start, end));
}

/** Names that are escaped as in addresses, for XML cannot hold all of them. */
export function unescapeUrl(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    throw strange("a name that is not escaped as it says");
  }
}

export function strange(what: string): EngineError {
  return new EngineError("store_unavailable", `the answer of S3 has ${what}`);
}

export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:(quot|apos|lt|gt|amp)|#\d{1,7}|#x[\da-fA-F]{1,6});/g, unescaped);
}

function unescaped(entity: string, name: string | undefined): string {
  if (name !== undefined) return ENTITIES[name];
  const digits = entity.slice(2, -1);
  const code = digits.startsWith("x") ? Number.parseInt(digits.slice(1), 16) : Number(digits);
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : entity;
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ quot: '"', apos: "'", lt: "<", gt: ">", amp: "&" },
};

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
}
