/**
 * A Resource message as flat JSON text and back, for the `resource` column.
 *
 * {"service.name":"cart","process.pid":1001,"ratio":1.0,"list":["a"],"map":{"k":true},"empty":null}
 *
 * Attributes stand in their order, doubles always carry a point or an exponent, so that the bytes
 * of the message follow from the text. What the text cannot say (bytes values, NaN, dropped
 * counts, unusual encodings) is found by making the message again and comparing: such a resource
 * is kept as bytes beside its text.
 */
import { assert } from "../base/assert.ts";
import { ByteReader } from "./resource-bytes.ts";
import { JsonReader } from "./resource-json-reader.ts";

export interface ResourceText {
  readonly json: string;
  /** resourceFromJson(json) is the message to the byte. */
  readonly exact: boolean;
  /** The first service.name, when it is a string. */
  readonly serviceName: string | undefined;
}

/** `message` is a valid Resource message, as the kernel let it through. */
export function resourceToJson(message: Uint8Array): ResourceText {
  const members: string[] = [];
  let serviceName: string | undefined;
  const reader = new ByteReader(message);
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag !== 0x0a) {
      reader.skip(tag & 7);
      continue;
    }
    const { key, value } = keyValue(reader.message());
    members.push(`${JSON.stringify(key)}:${value}`);
    if (key === "service.name" && serviceName === undefined && value.startsWith('"')) {
      const parsed: unknown = JSON.parse(value);
      if (typeof parsed === "string") serviceName = parsed;
    }
  }
  const json = `{${members.join(",")}}`;
  return { json, exact: equalBytes(resourceFromJson(json), message), serviceName };
}

/** The message that `text` stands for. `text` must come from resourceToJson. */
export function resourceFromJson(text: string): Uint8Array {
  return new JsonReader(text).resource();
}

function keyValue(reader: ByteReader): { key: string; value: string } {
  let key = "";
  let value = "null";
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) key = reader.text();
    else if (tag === 0x12) value = anyValue(reader.message());
    else reader.skip(tag & 7);
  }
  return { key, value };
}

function anyValue(reader: ByteReader): string {
  let text = "null";
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) text = JSON.stringify(reader.text());
    else if (tag === 0x10) text = reader.varint() === 0n ? "false" : "true";
    else if (tag === 0x18) text = BigInt.asIntN(64, reader.varint()).toString();
    else if (tag === 0x21) text = doubleText(reader.double());
    else if (tag === 0x2a) text = `[${values(reader.message()).join(",")}]`;
    else if (tag === 0x32) text = `{${pairs(reader.message()).join(",")}}`;
    else if (tag === 0x3a) text = JSON.stringify(reader.base64());
    else reader.skip(tag & 7);
  }
  return text;
}

function values(reader: ByteReader): string[] {
  const list: string[] = [];
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) list.push(anyValue(reader.message()));
    else reader.skip(tag & 7);
  }
  return list;
}

function pairs(reader: ByteReader): string[] {
  const list: string[] = [];
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) {
      const { key, value } = keyValue(reader.message());
      list.push(`${JSON.stringify(key)}:${value}`);
    } else reader.skip(tag & 7);
  }
  return list;
}

/** JSON has no NaN and no infinities; null is not exact then, which the comparison finds. */
function doubleText(value: number): string {
  if (!Number.isFinite(value)) return "null";
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  assert(text !== "", "resource: empty number");
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
