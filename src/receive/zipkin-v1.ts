/**
 * Zipkin's version 1, of its JSON and its Thrift alike, as spans of version 2.
 *
 * There an annotation says what version 2 has fields for: "cs" and "cr" are a client's span from
 * start to end, "sr" and "ss" a server's, "ms" and "mr" a producer's and a consumer's; who says
 * so is the service. Binary annotations are tags, but for "sa", "ca" and "ma", which hold the
 * other side's address. A span with both a client's and a server's annotations is two spans that
 * share one id; what else it has goes to the side whose service said it.
 */
import { JsonKeys } from "./json-keys.ts";
import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER } from "./otlp-tags.ts";
import { isSameText, type Text, textOf } from "./text.ts";
import {
  moveText,
  TAG_BOOL,
  TAG_STRIDE,
  TAG_TEXT,
  ZipkinEndpoint,
  ZipkinSpan,
} from "./zipkin-span.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

/** Microseconds, range of the value, endpoint. */
const ANNOTATION_STRIDE = 4;
const NONE = -1;

const CORE = new JsonKeys({ cs: 1, cr: 2, sr: 3, ss: 4, ms: 5, mr: 6, ws: 7, wr: 8 });
const CLIENT_SEND = 1;
const CLIENT_RECEIVE = 2;
const SERVER_RECEIVE = 3;
const SERVER_SEND = 4;
const PRODUCER_SEND = 5;
const CONSUMER_RECEIVE = 6;
/** These say a kind; the other two are the other end of a producer's and a consumer's span. */
const SAYS_KIND_MAX = 6;
const WIRE_SEND = 7;
const WIRE_RECEIVE = 8;

const ADDRESSES = new JsonKeys({ sa: 1, ca: 2, ma: 3 });
const SERVER_ADDRESS = 1;
const CLIENT_ADDRESS = 2;
const BROKER_ADDRESS = 3;
const LOCAL_COMPONENT = textOf("lc");

/** Which address annotation tells the other side. */
const REMOTES = new Map([
  [KIND_CLIENT, SERVER_ADDRESS],
  [KIND_SERVER, CLIENT_ADDRESS],
  [KIND_PRODUCER, BROKER_ADDRESS],
  [KIND_CONSUMER, BROKER_ADDRESS],
]);

interface Side {
  readonly kind: number;
  /** Annotations; NONE when the span has no such. */
  readonly start: number;
  readonly end: number;
}

export class ZipkinV1Span {
  readonly traceId = new Uint8Array(16);
  readonly spanId = new Uint8Array(8);
  readonly parentId = new Uint8Array(8);
  readonly name: Text = textOf("");
  timestamp = 0;
  duration = 0;
  debug = false;
  /** The body, in which all ranges lie. */
  bytes: Uint8Array = this.traceId;

  readonly #span = new ZipkinSpan(1);
  readonly #endpoints: ZipkinEndpoint[] = [];
  #endpointCount = 0;
  readonly #annotations: number[] = [];
  #annotationsEnd = 0;
  /** Tags lie in a span of their own, and beside them by ordinal who said them. */
  readonly #tags = new ZipkinSpan(1);
  readonly #tagEndpoints: number[] = [];
  /** By CORE and by ADDRESSES: an annotation, and an endpoint. */
  readonly #core = new Int32Array(9);
  readonly #addresses = new Int32Array(4);
  readonly #text: Text = textOf("");

  clear(): void {
    this.traceId.fill(0);
    this.spanId.fill(0);
    this.parentId.fill(0);
    this.name.to = this.name.from;
    this.timestamp = 0;
    this.duration = 0;
    this.debug = false;
    this.#endpointCount = 0;
    this.#annotationsEnd = 0;
    this.#tags.clear();
  }

  /** A new endpoint to fill; addAnnotation() and addedTag() take its number. */
  addEndpoint(): ZipkinEndpoint {
    const at = this.#endpointCount++;
    this.#endpoints[at] ??= new ZipkinEndpoint();
    this.#endpoints[at].clear();
    return this.#endpoints[at];
  }

  /** The number of the last endpoint. */
  get lastEndpoint(): number {
    return this.#endpointCount - 1;
  }

  /** `endpoint` is a number, or -1. */
  addAnnotation(timestamp: number, value: Text, endpoint: number): void {
    const at = this.#annotationsEnd;
    this.#annotations[at] = timestamp;
    this.#annotations[at + 1] = value.from;
    this.#annotations[at + 2] = value.to;
    this.#annotations[at + 3] = endpoint;
    this.#annotationsEnd = at + ANNOTATION_STRIDE;
  }

  /** Where a reader adds a tag; addedTag() follows. */
  get tags(): ZipkinSpan {
    return this.#tags;
  }

  addedTag(endpoint: number): void {
    this.#tagEndpoints[this.#tags.tagsEnd / TAG_STRIDE - 1] = endpoint;
  }

  /** Writes what it is: one span or two. */
  write(writer: ZipkinWriter): void {
    this.#text.bytes = this.bytes;
    this.#findCore();
    this.#findAddresses();
    const core = this.#core;
    const client = { kind: KIND_CLIENT, start: core[CLIENT_SEND], end: core[CLIENT_RECEIVE] };
    const server = { kind: KIND_SERVER, start: core[SERVER_RECEIVE], end: core[SERVER_SEND] };
    if (isSaid(client) && isSaid(server)) {
      this.#writeSide(writer, client, server);
      this.#writeSide(writer, server, client);
    } else if (isSaid(client)) this.#writeSide(writer, client, undefined);
    else if (isSaid(server)) this.#writeSide(writer, server, undefined);
    else this.#writeSide(writer, this.#messageSide(), undefined);
  }

  /** A producer's or a consumer's span, or one of no kind. */
  #messageSide(): Side {
    const core = this.#core;
    if (core[PRODUCER_SEND] !== NONE) {
      return { kind: KIND_PRODUCER, start: core[PRODUCER_SEND], end: core[WIRE_SEND] };
    }
    const [received, taken] = [core[CONSUMER_RECEIVE], core[WIRE_RECEIVE]];
    if (received === NONE) return { kind: 0, start: NONE, end: NONE };
    if (taken === NONE) return { kind: KIND_CONSUMER, start: received, end: NONE };
    return { kind: KIND_CONSUMER, start: taken, end: received };
  }

  #writeSide(writer: ZipkinWriter, side: Side, other: Side | undefined): void {
    const span = this.#span;
    span.clear();
    span.bytes = this.bytes;
    span.traceId.set(this.traceId);
    span.spanId.set(this.spanId);
    span.parentId.set(this.parentId);
    moveText(span.name, this.name);
    span.kind = side.kind;
    span.debug = this.debug;
    this.#setTimes(side, other !== undefined && side.kind === KIND_SERVER);
    this.#setEndpoints(side, other);
    this.#addAnnotations(side, other);
    this.#addTags(side, other);
    writer.write(span);
  }

  /** The span's own times are the client's when there are two sides. */
  #setTimes(side: Side, shared: boolean): void {
    const span = this.#span;
    const start = this.#timeOf(side.start);
    const end = this.#timeOf(side.end);
    const first = start > 0 ? start : end;
    span.timestamp = !shared && this.timestamp > 0 ? this.timestamp : first;
    span.duration = shared ? 0 : this.duration;
    if (span.duration === 0 && start > 0 && end > start) span.duration = end - start;
  }

  #timeOf(annotation: number): number {
    return annotation === NONE ? 0 : this.#annotations[annotation];
  }

  #setEndpoints(side: Side, other: Side | undefined): void {
    const span = this.#span;
    const local = isSaid(side) ? this.#endpointOf(side) : NONE;
    const found = local === NONE ? this.#anyEndpoint() : local;
    if (found !== NONE) span.local.copyFrom(this.#endpoints[found]);
    if (span.local.service.to === span.local.service.from) this.#localComponent();
    const address = this.#addresses[REMOTES.get(side.kind) ?? 0];
    const known = address === NONE ? this.#addresses.find((one) => one !== NONE) : address;
    const remote = address !== NONE || other === undefined ? known : this.#endpointOf(other);
    if (remote !== undefined && remote !== NONE) span.remote.copyFrom(this.#endpoints[remote]);
  }

  #endpointOf({ start, end }: Side): number {
    const first = start === NONE ? NONE : this.#annotations[start + 3];
    return first !== NONE || end === NONE ? first : this.#annotations[end + 3];
  }

  /** Of a span that no core annotation tells the service of. */
  #anyEndpoint(): number {
    for (let at = 0; at < this.#annotationsEnd; at += ANNOTATION_STRIDE) {
      if (this.#annotations[at + 3] !== NONE) return this.#annotations[at + 3];
    }
    for (let at = 0; at < this.#tags.tagsEnd; at += TAG_STRIDE) {
      const endpoint = this.#tagEndpoints[at / TAG_STRIDE];
      if (endpoint !== NONE && this.#addressOf(at) === 0) return endpoint;
    }
    return NONE;
  }

  /** The service of a local span without an endpoint is the component that it names. */
  #localComponent(): void {
    const { tags, tagsEnd } = this.#tags;
    for (let at = 0; at < tagsEnd; at += TAG_STRIDE) {
      this.#moveTo(tags[at + 1], tags[at + 2]);
      if (tags[at] !== TAG_TEXT || !isSameText(this.#text, LOCAL_COMPONENT)) continue;
      this.#moveTo(tags[at + 3], tags[at + 4]);
      moveText(this.#span.local.service, this.#text);
    }
  }

  #addAnnotations(side: Side, other: Side | undefined): void {
    for (let at = 0; at < this.#annotationsEnd; at += ANNOTATION_STRIDE) {
      this.#moveTo(this.#annotations[at + 1], this.#annotations[at + 2]);
      const core = CORE.find(this.#text);
      if (core !== 0 && core <= SAYS_KIND_MAX) continue;
      if (at === side.start || at === side.end) continue;
      if (!this.#isOf(side, other, this.#annotations[at + 3])) continue;
      this.#span.addAnnotation(this.#annotations[at], this.#text);
    }
  }

  #addTags(side: Side, other: Side | undefined): void {
    const { tags, tagsEnd } = this.#tags;
    const span = this.#span;
    for (let at = 0; at < tagsEnd; at += TAG_STRIDE) {
      if (this.#addressOf(at) !== 0) continue;
      if (!this.#isOf(side, other, this.#tagEndpoints[at / TAG_STRIDE])) continue;
      for (let i = 0; i < TAG_STRIDE; i++) span.tags[span.tagsEnd + i] = tags[at + i];
      span.tagsEnd += TAG_STRIDE;
    }
  }

  /** With two sides all is the client's that only the server's service did not say. */
  #isOf(side: Side, other: Side | undefined, endpoint: number): boolean {
    if (other === undefined) return true;
    const server = side.kind === KIND_SERVER ? side : other;
    const client = side.kind === KIND_SERVER ? other : side;
    const isServers = this.#isSaidBy(server, endpoint) && !this.#isSaidBy(client, endpoint);
    return isServers === (side === server);
  }

  #isSaidBy(side: Side, endpoint: number): boolean {
    const own = this.#endpointOf(side);
    if (own === NONE || endpoint === NONE) return false;
    return isSameText(this.#endpoints[own].service, this.#endpoints[endpoint].service);
  }

  #findCore(): void {
    this.#core.fill(NONE);
    for (let at = 0; at < this.#annotationsEnd; at += ANNOTATION_STRIDE) {
      this.#moveTo(this.#annotations[at + 1], this.#annotations[at + 2]);
      const found = CORE.find(this.#text);
      if (found !== 0 && this.#core[found] === NONE) this.#core[found] = at;
    }
  }

  #findAddresses(): void {
    this.#addresses.fill(NONE);
    for (let at = 0; at < this.#tags.tagsEnd; at += TAG_STRIDE) {
      const found = this.#addressOf(at);
      if (found !== 0) this.#addresses[found] = this.#tagEndpoints[at / TAG_STRIDE];
    }
  }

  /** 0: the tag is a tag. */
  #addressOf(at: number): number {
    const { tags } = this.#tags;
    if (tags[at] !== TAG_BOOL || this.#tagEndpoints[at / TAG_STRIDE] === NONE) return 0;
    this.#moveTo(tags[at + 1], tags[at + 2]);
    return ADDRESSES.find(this.#text);
  }

  #moveTo(from: number, to: number): void {
    this.#text.from = from;
    this.#text.to = to;
  }
}

function isSaid({ start, end }: Side): boolean {
  return start !== NONE || end !== NONE;
}
