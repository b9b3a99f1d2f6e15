/**
 * Reads jaeger.api_v2.PostSpansRequest into a JaegerRequest.
 *
 * A span may have a process of its own, which goes before the batch's. Encoders write the batch's
 * process behind the spans, so it is looked for first. One process in two pieces, which no encoder
 * writes and nobody merges here, is malformed; of other fields that come twice, the last counts.
 *
 * The work is linear in the message and in what is written: a Resource that is needed again is
 * copied and not translated again.
 */
import { EngineError } from "../base/error.ts";
import type { JaegerRequest } from "./jaeger-request.ts";
import { OWN_ID } from "./jaeger-span.ts";
import {
  type JaegerTags,
  TAG_BINARY,
  TAG_BOOL,
  TAG_DOUBLE,
  TAG_INT,
  TAG_STRING,
} from "./jaeger-tags.ts";
import { ProtoReader } from "./proto-reader.ts";
import type { Uint64 } from "./uint64.ts";

/** A message's place; nowhere is `from` -1. */
interface Place {
  from: number;
  to: number;
}

// ---- which process is that of the ResourceSpans that is open
const NONE = 0;
const BATCH = 1;
const OWN = 2;

export class JaegerProtoReader {
  readonly #request: JaegerRequest;
  readonly #reader = new ProtoReader();
  readonly #batchProcess: Place = { from: -1, to: -1 };
  readonly #spanProcess: Place = { from: -1, to: -1 };
  /** Of the span's process that is open. */
  readonly #openProcess: Place = { from: -1, to: -1 };
  #open = NONE;
  #batchResource: Uint8Array | undefined;
  /** The batch's process. */
  #wasRead = false;

  constructor(request: JaegerRequest) {
    this.#request = request;
  }

  read(message: Uint8Array): void {
    const reader = this.#reader;
    reader.begin(message);
    this.#open = NONE;
    this.#batchResource = undefined;
    this.#batchProcess.from = -1;
    this.#wasRead = false;
    this.#eachBatch(() => {
      if (!this.#findProcess()) reader.skipUnknown(reader.low, 2);
    });
    reader.begin(message);
    this.#eachBatch(() => this.#spanOfBatch());
    if (this.#open !== NONE) this.#request.close();
    if (this.#wasRead) return;
    // Nobody needed it, and yet it must be well-formed.
    this.#request.beginProcess(message);
    this.#readProcess(this.#batchProcess);
  }

  /** Calls `field` for each field of each batch, behind its tag, which is the reader's `low`. */
  #eachBatch(field: () => void): void {
    const reader = this.#reader;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== 0x0a) {
        reader.skipUnknown(tag, 1);
        continue;
      }
      const outer = reader.enter();
      while (reader.tag() !== 0) field();
      reader.leave(outer);
    }
  }

  #findProcess(): boolean {
    const reader = this.#reader;
    const tag = reader.low;
    if (tag !== 0x0a && tag !== 0x12) return false;
    reader.range();
    if (tag === 0x12) setPlace(this.#batchProcess, reader);
    return true;
  }

  #spanOfBatch(): void {
    const reader = this.#reader;
    const tag = reader.low;
    if (tag !== 0x0a) {
      reader.skip(tag);
      return;
    }
    const outer = reader.enter();
    if (reader.at < reader.end) this.#span();
    reader.leave(outer);
  }

  #span(): void {
    const request = this.#request;
    const reader = this.#reader;
    request.span.clear(reader.bytes);
    this.#spanProcess.from = -1;
    this.#readSpan();
    if (this.#spanProcess.from >= 0) this.#openOwn();
    else this.#openBatch();
    request.endSpan();
  }

  #openBatch(): void {
    if (this.#open === BATCH) return;
    const request = this.#request;
    if (this.#open !== NONE) request.close();
    this.#open = BATCH;
    request.beginProcess(this.#reader.bytes);
    if (this.#batchResource !== undefined) request.openWith(this.#batchResource);
    else {
      this.#readProcess(this.#batchProcess);
      this.#wasRead = true;
      request.open();
    }
  }

  #openOwn(): void {
    const request = this.#request;
    const { bytes } = this.#reader;
    const own = this.#spanProcess;
    if (this.#open === OWN && isSamePlace(bytes, own, this.#openProcess)) return;
    if (this.#open === BATCH) this.#batchResource ??= request.resource();
    if (this.#open !== NONE) request.close();
    this.#open = OWN;
    this.#openProcess.from = own.from;
    this.#openProcess.to = own.to;
    request.beginProcess(bytes);
    this.#readProcess(own);
    request.open();
  }

  #readProcess({ from, to }: Place): void {
    if (from < 0) return;
    const reader = this.#reader;
    const { service, process } = this.#request;
    const { at, end } = reader;
    reader.at = from;
    reader.end = to;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x0a) {
        reader.range();
        service.from = reader.from;
        service.to = reader.to;
      } else if (tag === 0x12) readTag(reader, process);
      else reader.skipUnknown(tag, 2);
    }
    reader.at = at;
    reader.end = end;
  }

  #readSpan(): void {
    const reader = this.#reader;
    const { span } = this.#request;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      switch (tag) {
        case 0x0a:
          readTraceId(reader, span.ids, 0);
          break;
        case 0x12:
          readSpanId(reader, span.ids, OWN_ID);
          break;
        case 0x1a:
          reader.range();
          span.name.from = reader.from;
          span.name.to = reader.to;
          break;
        case 0x22:
          this.#readReference();
          break;
        case 0x28:
          reader.varint();
          span.flags = reader.low;
          break;
        case 0x32:
          readNanoseconds(reader, span.start);
          break;
        case 0x3a:
          readNanoseconds(reader, span.duration);
          break;
        case 0x42:
          readTag(reader, span.tags);
          break;
        case 0x4a:
          this.#readLog();
          break;
        case 0x52:
          reader.range();
          setPlace(this.#spanProcess, reader);
          break;
        case 0x5a: // the process's id, of answers
        case 0x62: // warnings, which the backend makes
          reader.range();
          break;
        default:
          reader.skipUnknown(tag, 12);
      }
    }
  }

  #readReference(): void {
    const reader = this.#reader;
    const { references } = this.#request.span;
    const at = references.add();
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x0a) readTraceId(reader, references.bytes, at);
      else if (tag === 0x12) readSpanId(reader, references.bytes, at + 16);
      else if (tag === 0x18) {
        reader.varint();
        references.setType(at, reader.low);
      } else reader.skipUnknown(tag, 3);
    }
    reader.leave(outer);
  }

  #readLog(): void {
    const reader = this.#reader;
    const { span } = this.#request;
    span.beginLog();
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x0a) readNanoseconds(reader, span.logTime);
      else if (tag === 0x12) readTag(reader, span.fields);
      else reader.skipUnknown(tag, 2);
    }
    reader.leave(outer);
    span.endLog();
  }
}

/** A KeyValue: the type says which of its values counts. */
function readTag(reader: ProtoReader, tags: JaegerTags): void {
  let [type, keyFrom, keyTo, textFrom, textTo] = [TAG_STRING, 0, 0, 0, 0];
  let [bool, intLow, intHigh, doubleLow, doubleHigh, binaryFrom, binaryTo] = [0, 0, 0, 0, 0, 0, 0];
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 0x0a:
        reader.range();
        keyFrom = reader.from;
        keyTo = reader.to;
        break;
      case 0x10:
        reader.varint();
        type = reader.low | 0;
        break;
      case 0x1a:
        reader.range();
        textFrom = reader.from;
        textTo = reader.to;
        break;
      case 0x20:
        reader.varint();
        bool = reader.low | reader.high ? 1 : 0;
        break;
      case 0x28:
        reader.varint();
        intLow = reader.low;
        intHigh = reader.high;
        break;
      case 0x31:
        reader.fixed64();
        doubleLow = reader.low;
        doubleHigh = reader.high;
        break;
      case 0x3a:
        reader.range();
        binaryFrom = reader.from;
        binaryTo = reader.to;
        break;
      default:
        reader.skipUnknown(tag, 7);
    }
  }
  reader.leave(outer);
  tags.add(keyFrom, keyTo);
  if (type === TAG_STRING) tags.set(type, textFrom, textTo);
  else if (type === TAG_BOOL) tags.set(type, bool, 0);
  else if (type === TAG_INT) tags.set(type, intLow, intHigh);
  else if (type === TAG_DOUBLE) tags.set(type, doubleLow, doubleHigh);
  else if (type === TAG_BINARY) tags.set(type, binaryFrom, binaryTo);
  else tags.set(type, 0, 0);
}

/** A Timestamp or a Duration. */
function readNanoseconds(reader: ProtoReader, target: Uint64): void {
  let nanos = 0;
  target.set(0, 0);
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x08) {
      reader.varint();
      target.set(reader.low, reader.high);
    } else if (tag === 0x10) {
      reader.varint();
      nanos = reader.low | 0;
    } else reader.skipUnknown(tag, 2);
  }
  reader.leave(outer);
  target.toNanoseconds();
  target.addNumber(nanos);
}

/** Sixteen bytes, big-endian; of the old ids of 64 bits eight, which are the last ones. */
function readTraceId(reader: ProtoReader, target: Uint8Array, at: number): void {
  reader.range();
  const length = reader.to - reader.from;
  if (length !== 0 && length !== 8 && length !== 16) throw wrongId("trace", length);
  target.fill(0, at, at + 16 - length);
  copyId(reader, target, at + 16 - length);
}

function readSpanId(reader: ProtoReader, target: Uint8Array, at: number): void {
  reader.range();
  const length = reader.to - reader.from;
  if (length !== 0 && length !== 8) throw wrongId("span", length);
  if (length === 0) target.fill(0, at, at + 8);
  copyId(reader, target, at);
}

function copyId(reader: ProtoReader, target: Uint8Array, at: number): void {
  const { bytes, from, to } = reader;
  for (let i = from; i < to; i++) target[at + i - from] = bytes[i];
}

function wrongId(what: string, length: number): EngineError {
  return new EngineError("malformed", `a ${what} id has ${length} bytes`);
}

/** What the reader has just passed. */
function setPlace(place: Place, { from, to }: ProtoReader): void {
  if (place.from >= 0) throw new EngineError("malformed", "a process comes in two pieces");
  place.from = from;
  place.to = to;
}

function isSamePlace(bytes: Uint8Array, a: Place, b: Place): boolean {
  if (a.to - a.from !== b.to - b.from) return false;
  for (let i = 0; i < a.to - a.from; i++) if (bytes[a.from + i] !== bytes[b.from + i]) return false;
  return true;
}
