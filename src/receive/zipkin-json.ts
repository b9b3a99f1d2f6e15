/**
 * What both versions of Zipkin's JSON have in common: a list of spans, what a span says of itself,
 * endpoints, and times. Fields come in any order and unknown ones are ignored; a span without a
 * valid trace id and id refuses the request, as in Zipkin itself.
 */
import { JsonKeys } from "./json-keys.ts";
import { END, type JsonScan } from "./json-scan.ts";
import type { Text } from "./text.ts";
import { checkMicros, moveText, readHexId, type ZipkinEndpoint } from "./zipkin-span.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

const TRACE_ID = 1;
const ID = 2;
const PARENT_ID = 3;
const NAME = 4;
const TIMESTAMP = 5;
const DURATION = 6;
const DEBUG = 7;
/** Fields that are read here; those of a version follow. */
export const OWN_FIELDS = {
  ...{ traceId: TRACE_ID, id: ID, parentId: PARENT_ID, name: NAME, timestamp: TIMESTAMP },
  ...{ duration: DURATION, debug: DEBUG },
} as const;
export const OWN_FIELDS_LAST = DEBUG;

const SERVICE_NAME = 1;
const IPV4 = 2;
const IPV6 = 3;
const PORT = 4;
const ENDPOINT_KEYS = new JsonKeys({
  ...{ serviceName: SERVICE_NAME, ipv4: IPV4, ipv6: IPV6, port: PORT },
});
const PORT_MAX = 65_535;

export interface ZipkinJsonSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentId: Uint8Array;
  readonly name: Text;
  timestamp: number;
  duration: number;
  debug: boolean;
  bytes: Uint8Array;
  clear(): void;
}

/** One version of it. */
export interface ZipkinJsonVersion {
  readonly scan: JsonScan;
  readonly span: ZipkinJsonSpan;
  /** OWN_FIELDS and others. */
  readonly keys: JsonKeys;
  /** One of the others, which is not null. */
  readField(key: number): void;
  /** The span at hand is whole. */
  write(writer: ZipkinWriter): void;
}

/** As OTLP: a view, valid until the writer begins anew; the body is written in. */
export function readSpans(
  body: Uint8Array,
  version: ZipkinJsonVersion,
  writer: ZipkinWriter,
): Uint8Array {
  const { scan, span } = version;
  scan.open(body);
  span.bytes = scan.text.bytes;
  writer.begin();
  try {
    scan.beginArray();
    while (scan.nextItem()) {
      if (scan.isNull()) continue;
      readSpan(version);
      version.write(writer);
    }
    scan.finish();
  } finally {
    scan.close();
  }
  return writer.finish();
}

function readSpan(version: ZipkinJsonVersion): void {
  const { scan, span, keys } = version;
  span.clear();
  scan.beginObject();
  for (let key = scan.nextKey(keys); key !== END; key = scan.nextKey(keys)) {
    if (key === 0) scan.skip();
    else if (scan.isNull()) continue;
    else if (key > OWN_FIELDS_LAST) version.readField(key);
    else readOwnField(scan, span, key);
  }
}

function readOwnField(scan: JsonScan, span: ZipkinJsonSpan, key: number): void {
  if (key === TIMESTAMP) span.timestamp = readMicros(scan);
  else if (key === DURATION) span.duration = readMicros(scan);
  else if (key === DEBUG) span.debug = scan.readBoolean();
  else {
    scan.readString();
    const { text } = scan;
    if (key === TRACE_ID) readHexId(span.traceId, text, "trace id");
    else if (key === ID) readHexId(span.spanId, text, "id");
    else if (key === NAME) moveText(span.name, text);
    else if (text.to > text.from) readHexId(span.parentId, text, "parent id");
  }
}

/** With two addresses the one of version 6 counts. */
export function readEndpoint(scan: JsonScan, endpoint: ZipkinEndpoint): void {
  let isVersion6 = false;
  scan.beginObject();
  for (let key = scan.nextKey(ENDPOINT_KEYS); key !== END; key = scan.nextKey(ENDPOINT_KEYS)) {
    if (key === 0) scan.skip();
    else if (scan.isNull()) continue;
    else if (key === PORT) endpoint.port = readPort(scan);
    else {
      scan.readString();
      if (key === SERVICE_NAME) moveText(endpoint.service, scan.text);
      else if (key === IPV6 || !isVersion6) moveText(endpoint.ip, scan.text);
      isVersion6 ||= key === IPV6 && scan.text.to > scan.text.from;
    }
  }
}

function readPort(scan: JsonScan): number {
  scan.readNumber();
  const { number } = scan;
  if (!number.uint64() || number.high !== 0 || number.low > PORT_MAX) {
    throw scan.error("a port is expected");
  }
  return number.low;
}

/** OpenTelemetry's exporter for JavaScript writes fractions of a microsecond; they are rounded. */
export function readMicros(scan: JsonScan): number {
  scan.readNumber();
  const { number } = scan;
  if (number.uint64()) return checkMicros(number.low, number.high);
  const value = Math.round(number.double());
  if (!(value >= 0)) throw scan.error("microseconds are expected");
  return checkMicros(value >>> 0, Math.floor(value / 2 ** 32));
}
