/**
 * Spans of Zipkin's model as OTLP, as the OpenTelemetry specification and the Collector translate
 * them; zipkin-tags.ts says which tags are more than attributes, zipkin-packed.ts which texts hold
 * links and events.
 *
 * Where it differs from the Collector, it keeps what that loses. Spans of one service whose
 * resource tags differ get a resource each. A span without a timestamp begins with its first
 * annotation, or now, and not in 1970. A tag `error` of any value but "false" is an error, as
 * Zipkin has it; of exporters that say otel.status_code it is the description.
 *
 * Spans stay in their order; those that follow each other with the same resource and scope share
 * them. A span may share its id with its client's: it is its own span by its kind.
 */
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import { JsonKeys } from "./json-keys.ts";
import { JsonNumber } from "./json-number.ts";
import { isNoService } from "./no-service.ts";
import * as tag from "./otlp-tags.ts";
import { KEY_VALUE, OtlpWriter } from "./otlp-write.ts";
import { type Text, textOf } from "./text.ts";
import { ZipkinLinks } from "./zipkin-links.ts";
import { TRUE, WORDS, ZipkinMeanings } from "./zipkin-meanings.ts";
import { ZipkinPacked } from "./zipkin-packed.ts";
import {
  ANNOTATION_STRIDE,
  isZero,
  TAG_BOOL,
  TAG_BYTES,
  TAG_DOUBLE,
  TAG_INT,
  TAG_STRIDE,
  type ZipkinEndpoint,
  type ZipkinSpan,
} from "./zipkin-span.ts";
import * as meaning from "./zipkin-tags.ts";

export interface ZipkinWriterOptions {
  readonly bytesMax: number;
  /** Tags that look like numbers and booleans become such. */
  readonly parseStringTags: boolean;
  readonly clock: Clock;
}

const MICROS_A_MILLI = 1000;
const NANOS_A_MICRO = 1000;

const SERVICE_NAME = textOf("service.name");
const HOST_IP = textOf("net.host.ip");
const HOST_PORT = textOf("net.host.port");
const PEER_SERVICE = textOf("peer.service");
const PEER_IP = textOf("net.peer.ip");
const PEER_PORT = textOf("net.peer.port");
const DEBUG = textOf("zipkin.debug");
/** The Collector's name, so that its exporter to Zipkin leaves the time out again. */
const START_ABSENT = textOf("otel.zipkin.absentField.startTime");

const KINDS = new JsonKeys({
  internal: tag.KIND_INTERNAL,
  server: tag.KIND_SERVER,
  client: tag.KIND_CLIENT,
  producer: tag.KIND_PRODUCER,
  consumer: tag.KIND_CONSUMER,
});
const NONE = -1;
const NO_LINKS = new Uint8Array(0);

export class ZipkinWriter {
  readonly #options: ZipkinWriterOptions;
  readonly #out: OtlpWriter;
  /** Of the span at hand, and of the group that is open. */
  readonly #resource: OtlpWriter;
  readonly #scope: OtlpWriter;
  #groupResource = new Uint8Array(0);
  #groupScope = new Uint8Array(0);
  /** What end() of the open messages wants; NONE: nothing is open. */
  #resourceSpans = NONE;
  #scopeSpans = NONE;
  #spans = 0;
  readonly #meanings = new ZipkinMeanings();
  readonly #links: ZipkinLinks;
  readonly #packed = new ZipkinPacked();
  readonly #number = new JsonNumber();
  // Ranges that move over the body.
  readonly #key: Text = textOf("");
  readonly #value: Text = textOf("");
  readonly #id: Text = textOf("");

  constructor(options: ZipkinWriterOptions) {
    this.#options = options;
    const { bytesMax } = options;
    this.#links = new ZipkinLinks(bytesMax);
    this.#out = new OtlpWriter({ bytesMax, mendText: true });
    this.#resource = new OtlpWriter({ bytesMax, mendText: true });
    this.#scope = new OtlpWriter({ bytesMax, mendText: true });
  }

  begin(): void {
    this.#out.clear();
    this.#resourceSpans = NONE;
    this.#scopeSpans = NONE;
    this.#spans = 0;
  }

  /** A view, valid until the next request. */
  finish(): Uint8Array {
    this.#endGroup();
    return this.#out.written();
  }

  write(span: ZipkinSpan): void {
    this.#spans += 1;
    if (isZero(span.traceId)) throw this.#missing("trace id");
    if (isZero(span.spanId)) throw this.#missing("id");
    this.#key.bytes = span.bytes;
    this.#value.bytes = span.bytes;
    this.#meanings.read(span);
    this.#describeResource(span);
    this.#describeScope(span);
    this.#openGroup();
    const out = this.#out;
    const begun = out.begin(tag.SPAN, 2);
    this.#writeHead(span);
    const links = this.#meanings.hasLinks ? this.#links.read(span) : NO_LINKS;
    this.#writeTags(span);
    this.#writeEndpoints(span);
    this.#writeDropped(span, meaning.DROPPED_ATTRIBUTES_TAG, tag.DROPPED_ATTRIBUTES);
    this.#writeAnnotations(span);
    this.#writeDropped(span, meaning.DROPPED_EVENTS_TAG, tag.DROPPED_EVENTS);
    if (links.length > 0) out.fields(links);
    this.#writeDropped(span, meaning.DROPPED_LINKS_TAG, tag.DROPPED_LINKS);
    this.#writeStatus();
    out.end(begun);
  }

  #missing(what: string): EngineError {
    return new EngineError("malformed", `zipkin: span ${this.#spans} has no ${what}`);
  }

  // ---- resource and scope

  #describeResource(span: ZipkinSpan): void {
    const resource = this.#resource;
    const { service } = span.local;
    const { value } = this.#meanings;
    resource.clear();
    if (this.#meanings.hasText(span, meaning.SERVICE_NAME_TAG)) {
      resource.stringAttribute(tag.RESOURCE_ATTRIBUTE, SERVICE_NAME, value);
    } else if (service.to > service.from && !isNoService(service)) {
      const other = this.#meanings.hasText(span, meaning.SERVICE_NAME_SOURCE);
      const key = other ? value : SERVICE_NAME;
      resource.stringAttribute(tag.RESOURCE_ATTRIBUTE, key, service);
    }
    for (let at = 0; at < span.tagsEnd; at += TAG_STRIDE) {
      if (span.tags[at + 5] === meaning.RESOURCE_TAG) this.#writeTag(resource, span, at);
    }
  }

  #describeScope(span: ZipkinSpan): void {
    const scope = this.#scope;
    const meanings = this.#meanings;
    scope.clear();
    if (meanings.hasText(span, meaning.SCOPE_NAME_TAG)) scope.text(tag.SCOPE_NAME, meanings.value);
    if (meanings.hasText(span, meaning.SCOPE_VERSION_TAG)) {
      scope.text(tag.SCOPE_VERSION, meanings.value);
    }
  }

  #openGroup(): void {
    const resource = this.#resource.isSame(this.#groupResource);
    if (this.#resourceSpans !== NONE && resource && this.#scope.isSame(this.#groupScope)) return;
    this.#endGroup();
    const out = this.#out;
    this.#groupResource = this.#resource.written().slice();
    this.#groupScope = this.#scope.written().slice();
    this.#resourceSpans = out.begin(tag.RESOURCE_SPANS, 3);
    out.bytes(tag.RESOURCE, wholeText(this.#groupResource));
    this.#scopeSpans = out.begin(tag.SCOPE_SPANS, 3);
    if (this.#groupScope.length > 0) out.bytes(tag.SCOPE, wholeText(this.#groupScope));
  }

  #endGroup(): void {
    if (this.#resourceSpans === NONE) return;
    this.#out.end(this.#scopeSpans);
    this.#out.end(this.#resourceSpans);
    this.#resourceSpans = NONE;
  }

  // ---- the span

  #writeHead(span: ZipkinSpan): void {
    const out = this.#out;
    this.#writeId(tag.TRACE_ID, span.traceId);
    this.#writeId(tag.SPAN_ID, span.spanId);
    const meanings = this.#meanings;
    if (meanings.hasText(span, meaning.TRACE_STATE_TAG)) out.text(tag.TRACE_STATE, meanings.value);
    const root = isZero(span.parentId) || isSameId(span.parentId, span.spanId);
    if (!root) this.#writeId(tag.PARENT_SPAN_ID, span.parentId);
    if (span.name.to > span.name.from) out.text(tag.SPAN_NAME, span.name);
    const kind = this.#kindOf(span);
    if (kind !== 0) out.varint(tag.SPAN_KIND, kind);
    const start = span.timestamp === 0 ? this.#startOf(span) : span.timestamp;
    this.#writeMicros(tag.START_TIME, start);
    this.#writeMicros(tag.END_TIME, start + span.duration);
  }

  #kindOf(span: ZipkinSpan): number {
    if (span.kind !== 0 || !this.#meanings.hasText(span, meaning.SPAN_KIND_TAG)) return span.kind;
    return KINDS.find(this.#meanings.value);
  }

  /** Of a span whose client did not say. */
  #startOf(span: ZipkinSpan): number {
    let first = Number.POSITIVE_INFINITY;
    for (let at = 0; at < span.annotationsEnd; at += ANNOTATION_STRIDE) {
      const timestamp = span.annotations[at];
      if (timestamp > 0 && timestamp < first) first = timestamp;
    }
    return first < Number.POSITIVE_INFINITY ? first : this.#options.clock.nowMs() * MICROS_A_MILLI;
  }

  #writeId(idTag: number, id: Uint8Array): void {
    this.#id.bytes = id;
    this.#id.to = id.length;
    this.#out.bytes(idTag, this.#id);
  }

  #writeMicros(timeTag: number, micros: number): void {
    const low = (micros >>> 0) * NANOS_A_MICRO;
    const high = Math.floor(micros / 2 ** 32) * NANOS_A_MICRO + Math.floor(low / 2 ** 32);
    if (high >= 2 ** 32) throw new EngineError("malformed", "zipkin: a time after the year 2554");
    this.#out.fixed64(timeTag, low >>> 0, high);
  }

  // ---- attributes

  #writeTags(span: ZipkinSpan): void {
    for (let at = 0; at < span.tagsEnd; at += TAG_STRIDE) {
      if (this.#meanings.isAttribute(span, at)) this.#writeTag(this.#out, span, at);
    }
    if (span.timestamp === 0) this.#out.boolAttribute(tag.SPAN_ATTRIBUTE, START_ABSENT, true);
    if (span.debug) this.#out.boolAttribute(tag.SPAN_ATTRIBUTE, DEBUG, true);
  }

  #writeTag(target: OtlpWriter, span: ZipkinSpan, at: number): void {
    const { tags } = span;
    const type = tags[at];
    const inResource = target === this.#resource;
    const attribute = inResource ? tag.RESOURCE_ATTRIBUTE : tag.SPAN_ATTRIBUTE;
    this.#key.from = tags[at + 1];
    this.#key.to = tags[at + 2];
    const begun = target.beginAttribute(attribute, this.#key);
    if (type === TAG_INT) target.intValue(KEY_VALUE, tags[at + 3], tags[at + 4]);
    else if (type === TAG_DOUBLE) target.doubleValue(KEY_VALUE, tags[at + 3]);
    else if (type === TAG_BOOL) target.boolValue(KEY_VALUE, tags[at + 3] !== 0);
    else {
      const value = this.#value;
      value.from = tags[at + 3];
      value.to = tags[at + 4];
      if (type === TAG_BYTES) target.stringValue(KEY_VALUE, base64Of(value));
      else if (inResource || !this.#options.parseStringTags) target.stringValue(KEY_VALUE, value);
      else this.#writeParsed(value);
    }
    target.end(begun);
  }

  /** No exponents, no leading zeros, no rounded integers: these are texts of another kind. */
  #writeParsed(value: Text): void {
    const out = this.#out;
    const word = WORDS.find(value);
    if (word !== 0) {
      out.boolValue(KEY_VALUE, word === TRUE);
      return;
    }
    const number = this.#number;
    const { bytes, from, to } = value;
    if (number.read(bytes, from, to) !== to || number.hasExponent)
      out.stringValue(KEY_VALUE, value);
    else if (number.hasFraction) out.doubleValue(KEY_VALUE, number.double());
    else if (number.int64()) out.intValue(KEY_VALUE, number.low, number.high);
    else out.stringValue(KEY_VALUE, value);
  }

  #writeEndpoints({ local, remote }: ZipkinSpan): void {
    this.#writeAddress(local, HOST_IP, HOST_PORT);
    const { service } = remote;
    if (service.to > service.from) {
      this.#out.stringAttribute(tag.SPAN_ATTRIBUTE, PEER_SERVICE, service);
    }
    this.#writeAddress(remote, PEER_IP, PEER_PORT);
  }

  #writeAddress({ ip, port }: ZipkinEndpoint, ipKey: Text, portKey: Text): void {
    if (ip.to > ip.from) this.#out.stringAttribute(tag.SPAN_ATTRIBUTE, ipKey, ip);
    if (port > 0) this.#out.intAttribute(tag.SPAN_ATTRIBUTE, portKey, port);
  }

  /** A number of 32 bits; of anything else nothing is known. */
  #writeDropped(span: ZipkinSpan, which: number, field: number): void {
    if (!this.#meanings.hasText(span, which)) return;
    const { bytes, from, to } = this.#meanings.value;
    const number = this.#number;
    if (number.read(bytes, from, to) !== to || !number.uint64() || number.high !== 0) return;
    if (number.low > 0) this.#out.varint(field, number.low);
  }

  // ---- events and status

  #writeAnnotations(span: ZipkinSpan): void {
    const value = this.#value;
    for (let at = 0; at < span.annotationsEnd; at += ANNOTATION_STRIDE) {
      value.from = span.annotations[at + 1];
      value.to = span.annotations[at + 2];
      const begun = this.#out.begin(tag.EVENT, 1);
      this.#writeMicros(tag.EVENT_TIME, span.annotations[at]);
      const isPacked = span.version === 2 && this.#writePackedEvent(value);
      if (!isPacked && value.to > value.from) this.#out.text(tag.EVENT_NAME, value);
      this.#out.end(begun);
    }
  }

  /** False: the text is a name and nothing else, and nothing was written. */
  #writePackedEvent(value: Text): boolean {
    const out = this.#out;
    const packed = this.#packed;
    if (!packed.split(value)) return false;
    const before = out.length;
    if (packed.head.to > packed.head.from) out.text(tag.EVENT_NAME, packed.head);
    if (packed.writeRest(out, tag.EVENT_ATTRIBUTE, tag.EVENT_DROPPED)) return true;
    out.cut(before);
    return false;
  }

  #writeStatus(): void {
    const { statusCode, statusMessage: message } = this.#meanings;
    if (statusCode === 0 && message.to === message.from) return;
    const begun = this.#out.begin(tag.STATUS, 1);
    if (message.to > message.from) this.#out.text(tag.STATUS_MESSAGE, message);
    if (statusCode !== 0) this.#out.varint(tag.STATUS_CODE, statusCode);
    this.#out.end(begun);
  }
}

function wholeText(bytes: Uint8Array): Text {
  return { bytes, from: 0, to: bytes.length };
}

function isSameId(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function base64Of({ bytes, from, to }: Text): Text {
  return textOf(Buffer.from(bytes.subarray(from, to)).toString("base64"));
}
