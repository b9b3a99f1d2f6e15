/**
 * A request as OTLP's JSON: as an exporter writes it, or, with a generator of randomness, in every
 * spelling that means the same.
 */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";

const IDS = ["traceId", "spanId", "parentSpanId"];
const INTEGERS = ["intValue", "startTimeUnixNano", "endTimeUnixNano", "timeUnixNano"];
/** Fields that any message may have some day. */
const UNKNOWN = ['"new":[{"a":[1,{}],"b":"\\u007d"},null]', '"new":-1.5e+3', '"":{}', '"x":"]}"'];

export function otlpJsonText(request: ExportTraceServiceRequest, random?: Prng): string {
  const enumAsInteger = random === undefined || random.below(2) === 0;
  const tree = toJson(ExportTraceServiceRequestSchema, request, { enumAsInteger });
  return new Printer(random).value(tree, "");
}

class Printer {
  readonly #random: Prng | undefined;

  constructor(random: Prng | undefined) {
    this.#random = random;
  }

  value(value: JsonValue, key: string): string {
    if (Array.isArray(value)) {
      return `[${value.map((one) => this.value(one, "")).join(`,${this.#space()}`)}]`;
    }
    if (value !== null && typeof value === "object") return this.#object(value);
    if (typeof value === "string") return this.#text(value, key);
    if (typeof value !== "number") return `${value}`;
    const digits = Object.is(value, -0) ? "-0" : `${value}`;
    if (key !== "doubleValue" || !this.#maybe()) return digits;
    return this.#maybe() ? `"${digits}"` : digits.replace(/^(-?\d+)$/, "$1.0e0");
  }

  #object(fields: Readonly<Record<string, JsonValue>>): string {
    const parts = Object.entries(fields).map(([key, value]) => {
      const name = this.#maybe() ? key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`) : key;
      const space = this.#space();
      return `${this.#quoted(name)}${space}:${space}${this.value(value, key)}`;
    });
    const at = () => this.#random?.below(parts.length + 1) ?? 0;
    if (this.#rarely()) parts.splice(at(), 0, UNKNOWN[this.#random?.below(UNKNOWN.length) ?? 0]);
    if (this.#rarely()) parts.splice(at(), 0, '"stringValue":null,"attributes":null');
    return `{${this.#space()}${parts.join(`,${this.#space()}`)}${this.#space()}}`;
  }

  #text(value: string, key: string): string {
    if (IDS.includes(key)) {
      const hex = Buffer.from(value, "base64").toString("hex");
      return `"${this.#maybe() ? hex.toUpperCase() : hex}"`;
    }
    if (INTEGERS.includes(key)) return this.#maybe() ? value : `"${value}"`;
    if (key !== "bytesValue" || !this.#maybe()) return this.#quoted(value);
    return `"${value.replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_")}"`;
  }

  #quoted(text: string): string {
    if (!this.#rarely()) return JSON.stringify(text);
    const escaped = text.replace(/[\s\S]/g, (unit) => {
      if (unit === "/") return "\\/";
      return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
    return `"${escaped}"`;
  }

  #space(): string {
    return this.#rarely() ? " \t\r\n" : "";
  }

  #maybe(): boolean {
    return this.#random?.below(2) === 0;
  }

  #rarely(): boolean {
    return this.#random?.below(9) === 0;
  }
}
