/**
 * Attributes that another format carries as an object of JSON in a text. Integers of up to 64 bits
 * stay integers, all other numbers are doubles; lists and objects become those of OTLP.
 */
import { EngineError } from "../base/error.ts";
import { JsonScan } from "./json-scan.ts";
import {
  ARRAY_ELEMENT,
  ARRAY_VALUE,
  KEY_VALUE,
  MAP_FIELD,
  MAP_VALUE,
  type OtlpWriter,
} from "./otlp-write.ts";
import type { Text } from "./text.ts";

/** The kernel rejects a span whose values are nested in more lists than 32. */
const DEPTH_MAX = 32;
/** And one with more attributes in one place. */
const ATTRIBUTES_MAX = 65_535;
const NESTED_BYTES = 1;

/** One for all: anyone may send such texts by the thousand, and an error costs more than they. */
const NO_ATTRIBUTES = new EngineError("malformed", "json: no attributes");

export class JsonAttributes {
  readonly #scan = new JsonScan(NO_ATTRIBUTES);

  /** False: it is no object that attributes can hold, and nothing was written. */
  write(out: OtlpWriter, tag: number, text: Text): boolean {
    const begun = out.length;
    const scan = this.#scan;
    // A copy, as escapes are put right in place and the text may be needed as it is.
    scan.open(text.bytes.slice(text.from, text.to));
    try {
      this.#fields(out, tag, 0);
      scan.finish();
      return true;
    } catch (error) {
      if (error !== NO_ATTRIBUTES) throw error;
      out.cut(begun);
      return false;
    } finally {
      scan.close();
    }
  }

  #fields(out: OtlpWriter, tag: number, depth: number): void {
    const scan = this.#scan;
    let count = 0;
    scan.beginObject();
    while (scan.nextName()) {
      if (++count > ATTRIBUTES_MAX) throw scan.error("too many attributes");
      const begun = out.beginAttribute(tag, scan.text);
      this.#value(out, KEY_VALUE, depth);
      out.end(begun);
    }
  }

  #value(out: OtlpWriter, tag: number, depth: number): void {
    const scan = this.#scan;
    if (scan.isString()) {
      scan.readString();
      out.stringValue(tag, scan.text);
    } else if (scan.isBoolean()) out.boolValue(tag, scan.readBoolean());
    else if (scan.isObject() || scan.isArray()) {
      const begun = out.begin(tag, NESTED_BYTES);
      this.#nested(out, depth);
      out.end(begun);
    } else if (scan.isNull()) out.end(out.begin(tag, NESTED_BYTES));
    else this.#number(out, tag);
  }

  #nested(out: OtlpWriter, depth: number): void {
    const scan = this.#scan;
    if (depth === DEPTH_MAX) throw scan.error("nested too deep");
    const isObject = scan.isObject();
    const begun = out.begin(isObject ? MAP_VALUE : ARRAY_VALUE, NESTED_BYTES);
    if (isObject) this.#fields(out, MAP_FIELD, depth + 1);
    else {
      scan.beginArray();
      while (scan.nextItem()) this.#value(out, ARRAY_ELEMENT, depth + 1);
    }
    out.end(begun);
  }

  #number(out: OtlpWriter, tag: number): void {
    const scan = this.#scan;
    scan.readNumber();
    const { number } = scan;
    if (!number.hasFraction && !number.hasExponent && number.int64()) {
      out.intValue(tag, number.low, number.high);
      return;
    }
    const value = number.double();
    if (!Number.isFinite(value)) throw scan.error("a number that a double can hold is expected");
    out.doubleValue(tag, value);
  }
}
