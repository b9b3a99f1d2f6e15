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
import { DEPTH_MAX, JsonReader } from "./resource-json-reader.ts";

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
    const { key, value } = keyValue(reader.message(), 0);
    members.push(`${JSON.stringify(key)}:${value.json}`);
    if (key === "service.name") serviceName ??= value.text;
  }
  const json = `{${members.join(",")}}`;
  return { json, exact: equalBytes(resourceFromJson(json), message), serviceName };
}

/** The message that `text` stands for. `text` must come from resourceToJson. */
export function resourceFromJson(text: string): Uint8Array {
  return new JsonReader(text).resource();
}

interface Value {
  readonly json: string;
  /** Of a string value. */
  readonly text?: string;
}

const NULL: Value = { json: "null" };

function keyValue(reader: ByteReader, depth: number): { key: string; value: Value } {
  let key = "";
  let value = NULL;
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) key = reader.text();
    else if (tag === 0x12) value = anyValue(reader.message(), depth);
    else reader.skip(tag & 7);
  }
  return { key, value };
}

/** The last field that is set counts, as protobuf has it. */
function anyValue(reader: ByteReader, depth: number): Value {
  let value = NULL;
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) {
      const text = reader.text();
      value = { json: JSON.stringify(text), text };
    } else if (tag === 0x10) value = { json: reader.varint() === 0n ? "false" : "true" };
    else if (tag === 0x18) value = { json: BigInt.asIntN(64, reader.varint()).toString() };
    else if (tag === 0x21) value = { json: doubleText(reader.double()) };
    else if (tag === 0x2a) value = { json: `[${items(reader.message(), depth, element)}]` };
    else if (tag === 0x32) value = { json: `{${items(reader.message(), depth, member)}}` };
    else if (tag === 0x3a) value = { json: JSON.stringify(reader.base64()) };
    else reader.skip(tag & 7);
  }
  return value;
}

const element = (reader: ByteReader, depth: number): string => anyValue(reader, depth).json;

function member(reader: ByteReader, depth: number): string {
  const { key, value } = keyValue(reader, depth);
  return `${JSON.stringify(key)}:${value.json}`;
}

/** Field 1 of an ArrayValue or a KeyValueList, one text each. */
function items(reader: ByteReader, depth: number, text: typeof element): string {
  // Deeper than any value that the kernel accepts: left out, and so not exact.
  if (depth >= DEPTH_MAX) return "";
  const list: string[] = [];
  while (!reader.atEnd()) {
    const tag = reader.tag();
    if (tag === 0x0a) list.push(text(reader.message(), depth + 1));
    else reader.skip(tag & 7);
  }
  return list.join(",");
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
