/** An answer of HTTP/1.1 as bytes, as the runtime's server writes it. */
import { STATUS_CODES } from "node:http";
import { systemClock } from "../base/clock.ts";

export interface Http1Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

export const CONTINUE = Buffer.from(`${statusLine(100)}\r\n`);

interface Written {
  /** Of its date. */
  readonly second: number;
  readonly bytes: Uint8Array;
}

/** Answers are often the same object: refusals come in crowds. */
const written = new WeakMap<Http1Answer, Written>();

/** Nobody may change them, nor the answer afterwards. */
export function answerBytes(answer: Http1Answer, isHead: boolean): Uint8Array {
  const second = Math.floor(systemClock.nowMs() / 1000);
  if (isHead) return encodeAnswer(answer, second, true);
  const known = written.get(answer);
  if (known?.second === second) return known.bytes;
  const bytes = encodeAnswer(answer, second, false);
  written.set(answer, { second, bytes });
  return bytes;
}

/** An answer to HEAD has the length and not the body. */
function encodeAnswer(
  { status, headers, body }: Http1Answer,
  second: number,
  isHead: boolean,
): Uint8Array {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const length = bytes?.byteLength ?? 0;
  const lengthLine = status === 204 ? "" : `Content-Length: ${length}\r\n`;
  const head = `${linesOf(status, headers)}Date: ${dateOf(second)}\r\n${lengthLine}\r\n`;
  const sent = isHead || bytes === null ? 0 : length;
  const out = Buffer.allocUnsafe(head.length + sent);
  out.write(head, "latin1");
  if (sent > 0 && bytes !== null) out.set(bytes, head.length);
  return out;
}

/** To what is no request: the connection ends with it. */
export function faultBytes(status: 400 | 431 | 505): Uint8Array {
  return Buffer.from(`${statusLine(status)}Connection: close\r\n\r\n`);
}

const kept = new WeakMap<Http1Answer["headers"], string>();

/** Headers are few objects, which many answers share. */
function linesOf(status: number, headers: Http1Answer["headers"]): string {
  const known = kept.get(headers);
  if (known !== undefined) return statusLine(status) + known;
  // The runtime has names of its own for what is common, and writes these first.
  const isOwn = (name: string) => !UNCOMMON.has(name);
  const entries = Object.entries(headers);
  const sorted = [
    ...entries.filter(([name]) => isOwn(name)),
    ...entries.filter(([name]) => !isOwn(name)),
  ];
  const lines = sorted.map(([name, value]) => `${isOwn(name) ? titled(name) : name}: ${value}\r\n`);
  const text = lines.join("");
  kept.set(headers, text);
  return statusLine(status) + text;
}

const UNCOMMON = new Set(["retry-after", "allow"]);

/** "Content-Type". */
function titled(name: string): string {
  return name.replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n`;
}

let shownSecond = -1;
let shown = "";

function dateOf(second: number): string {
  if (second !== shownSecond) shown = new Date(second * 1000).toUTCString();
  shownSecond = second;
  return shown;
}
