import { describe, expect, test } from "vitest";
import { type Http1Head, headEnd, parseHead } from "../../src/http1/http1-head.ts";

function read(text: string): Http1Head | number {
  const bytes = Buffer.from(text, "latin1");
  const end = headEnd(bytes, 0);
  if (end < 0) return 400;
  expect(end).toBe(bytes.length);
  const head = parseHead(bytes, 0, end);
  // What was read once is kept.
  expect(parseHead(bytes, 0, end)).toEqual(head);
  return head;
}

const HOST = "Host: x\r\n";
const get = (fields: string) => read(`GET / HTTP/1.1\r\n${HOST}${fields}\r\n`);
const part = (text: string, name: keyof Http1Head) => {
  const head = get(text);
  return typeof head === "number" ? head : head[name];
};

test("a head", () => {
  expect(
    read(`POST /v1/traces?a=b HTTP/1.1\r\n${HOST}X-A: \t one two\t \r\nx-a:3\r\n\r\n`),
  ).toEqual({
    method: "POST",
    target: "/v1/traces?a=b",
    fields: new Map([
      ["host", "x"],
      ["x-a", "one two, 3"],
    ]),
    ...{ length: 0, closes: false, expects: false },
  });
});

describe("how long the body is, and what comes after", () => {
  test.each<[string, unknown]>([
    ["Content-Length: 0\r\n", 0],
    ["Content-Length:  17 \r\n", 17],
    ["Content-Length: 0017\r\nContent-Length: 0017\r\n", 17],
    ["Transfer-Encoding: Chunked\r\n", "chunked"],
    [`Content-Length: ${Number.MAX_SAFE_INTEGER}\r\n`, Number.MAX_SAFE_INTEGER],
    ["Content-Length: 9007199254740992\r\n", 400],
    ["Content-Length: 3\r\nContent-Length: 4\r\n", 400],
    ["Content-Length: 3, 3\r\n", 400],
    ["Content-Length: +3\r\n", 400],
    ["Content-Length: -3\r\n", 400],
    ["Content-Length: 0x3\r\n", 400],
    ["Content-Length: 3.0\r\n", 400],
    ["Content-Length:\r\n", 400],
    ["Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400],
    ["Transfer-Encoding: gzip, chunked\r\n", 400],
    ["Transfer-Encoding: identity\r\n", 400],
    ["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400],
    ["Transfer-Encoding: \x0bchunked\r\n", 400],
  ])("%j: %s", (fields, length) => expect(part(fields, "length")).toBe(length));

  test.each([
    ["Connection: close\r\n", true],
    ["Connection: foo, Close\r\n", true],
    ["Connection: keep-alive\r\nConnection: close\r\n", true],
    ["Connection: keep-alive\r\n", false],
    ["Connection: closed\r\n", false],
  ])("%j ends the connection: %s", (fields, closes) => expect(part(fields, "closes")).toBe(closes));

  test("only who has a body waits for a word", () => {
    expect(part("Expect: 100-Continue\r\n", "expects")).toBe(false);
    expect(part("Expect: 100-Continue\r\nContent-Length: 1\r\n", "expects")).toBe(true);
    expect(part("Expect: other\r\nContent-Length: 1\r\n", "expects")).toBe(false);
  });

  test("HTTP/1.0 has neither chunks nor a next request", () => {
    const old = read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") as Http1Head;
    expect([old.closes, old.length]).toEqual([true, 0]);
    expect(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")).toBe(400);
  });
});

describe("no heads of ours", () => {
  test.each([
    ["no host", 400, "GET / HTTP/1.1\r\n\r\n"],
    ["two hosts", 400, `GET / HTTP/1.1\r\n${HOST}Host: y\r\n\r\n`],
    ["a later version", 505, `GET / HTTP/1.2\r\n${HOST}\r\n`],
    ["HTTP/2", 505, `GET / HTTP/2.0\r\n${HOST}\r\n`],
    ["HTTP/2 as it begins", 400, "PRI * HTTP/2.0\r\n\r\n"],
    ["two spaces", 400, `GET  / HTTP/1.1\r\n${HOST}\r\n`],
    ["a tab in the target", 400, `GET /a\tb HTTP/1.1\r\n${HOST}\r\n`],
    ["no target", 400, `GET HTTP/1.1\r\n${HOST}\r\n`],
    ["a target that is no path", 400, `GET abc HTTP/1.1\r\n${HOST}\r\n`],
    ["a method with a bracket", 400, `F(O / HTTP/1.1\r\n${HOST}\r\n`],
    ["an empty line in front", 400, `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`],
    ["a space before the colon", 400, `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`],
    ["a folded line", 400, `GET / HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`],
    ["no colon", 400, `GET / HTTP/1.1\r\n${HOST}abc\r\n\r\n`],
    ["no name", 400, `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`],
    ["a zero", 400, `GET / HTTP/1.1\r\n${HOST}A: b\0c\r\n\r\n`],
    ["a return alone", 400, `GET / HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`],
    ["a feed alone", 400, `GET / HTTP/1.1\n${HOST}\r\n`],
    ["a delete", 400, `GET / HTTP/1.1\r\n${HOST}A: \x7f\r\n\r\n`],
    ["over 16 KiB", 431, `GET / HTTP/1.1\r\n${HOST}A: ${"b".repeat(16_400)}\r\n\r\n`],
    ["300 fields", 431, `GET / HTTP/1.1\r\n${HOST}${"a: b\r\n".repeat(300)}\r\n`],
  ])("%s: %d", (_name, status, text) => expect(read(text)).toBe(status));

  test("what has not ended may yet", () => {
    const text = `GET / HTTP/1.1\r\n${HOST}\r\n`;
    for (let length = 0; length < text.length; length++) {
      expect(headEnd(Buffer.from(text.slice(0, length)), 0)).toBe(0);
    }
    const second = Buffer.from(text + text);
    expect(headEnd(second, text.length)).toBe(second.length);
  });
});
