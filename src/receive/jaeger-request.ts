/**
 * Spans of Jaeger as an ExportTraceServiceRequest. Spans of one process that follow each other are
 * one ResourceSpans, spans of one scope in it one ScopeSpans.
 *
 *   beginProcess()  fill `process` and `service`
 *   open()          beginSpan()  fill `span`  endSpan()  …  close()
 *
 * After an error what was written is half a message: cut it, and abandon().
 */
import {
  EXPORTER_VERSION_TAG,
  HOST_NAME_TAG,
  HOSTNAME_TAG,
  JAEGER_VERSION_TAG,
  PROCESS_NAMES,
  SERVICE_NAME_TAG,
} from "./jaeger-names.ts";
import { JaegerSpan } from "./jaeger-span.ts";
import { JaegerTags, TAG_STRING } from "./jaeger-tags.ts";
import { isNoService } from "./no-service.ts";
import {
  RESOURCE,
  RESOURCE_ATTRIBUTE,
  RESOURCE_SPANS,
  SCOPE,
  SCOPE_NAME,
  SCOPE_SPANS,
  SCOPE_VERSION,
} from "./otlp-tags.ts";
import { OtlpWriter } from "./otlp-write.ts";
import { isSameText, type Text, textOf } from "./text.ts";

const [SERVICE_NAME, HOST_NAME, EXPORTER_VERSION] = [
  ...[textOf("service.name"), textOf("host.name"), textOf("opencensus.exporterversion")],
];
const VERSION_PREFIX = textOf("Jaeger-");
/** Messages below this have a length of two bytes at most. */
const SHORT_BYTES = 8192;

export class JaegerRequest {
  readonly out: OtlpWriter;
  readonly process = new JaegerTags(PROCESS_NAMES);
  readonly service: Text = textOf("");
  readonly span: JaegerSpan;
  /** Since the last clear. */
  spans = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #scopeName: Text = textOf("");
  readonly #scopeVersion: Text = textOf("");
  #lengthBytes = 2;
  /** Of the ResourceSpans that is open. */
  #group = -1;
  #resourceFrom = 0;
  #resourceTo = 0;
  #scope = -1;

  /** `bytesMax` is of the request as OTLP. */
  constructor(bytesMax: number) {
    // What is not UTF-8 is mended: Jaeger has no answer that refuses a single span.
    this.out = new OtlpWriter({ bytesMax, mendText: true });
    this.span = new JaegerSpan(bytesMax);
  }

  /** Begins a process whose strings and spans lie in `bytes`. */
  beginProcess(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.process.clear(bytes);
    this.service.bytes = bytes;
    this.service.from = 0;
    this.service.to = 0;
  }

  /** Begins the ResourceSpans of the process. */
  open(): void {
    const { out, process } = this;
    this.#begin();
    const begun = out.begin(RESOURCE, 2);
    process.settle();
    const isNamed = this.service.to > this.service.from && !isNoService(this.service);
    if (isNamed && process.find(SERVICE_NAME_TAG) < 0) {
      out.stringAttribute(RESOURCE_ATTRIBUTE, SERVICE_NAME, this.service);
    }
    const renames = process.find(HOSTNAME_TAG) >= 0 && process.find(HOST_NAME_TAG) < 0;
    const renamed = { row: renames ? process.find(HOSTNAME_TAG) : -1, key: HOST_NAME };
    const version = this.#takeVersion();
    process.write(out, RESOURCE_ATTRIBUTE, renamed);
    if (version !== undefined) out.stringAttribute(RESOURCE_ATTRIBUTE, EXPORTER_VERSION, version);
    out.end(begun);
    this.#resourceTo = out.length;
  }

  /** The same of a process that was open before, by its resource(). */
  openWith(resource: Uint8Array): void {
    this.#begin();
    this.out.fields(resource);
    this.#resourceTo = this.out.length;
  }

  /** Where the last Resource begins in what was written; what is in its ResourceSpans follows. */
  get resourceFrom(): number {
    return this.#resourceFrom;
  }

  get resourceTo(): number {
    return this.#resourceTo;
  }

  /** A copy of the Resource that is open. */
  resource(): Uint8Array {
    return this.out.written().slice(this.#resourceFrom, this.#resourceTo);
  }

  beginSpan(): void {
    this.span.clear(this.#bytes);
  }

  endSpan(): void {
    const { span, out } = this;
    span.settle();
    const isOther = move(this.#scopeName, span.takeScopeName());
    const isNamed = this.#scopeName.to > this.#scopeName.from;
    const isOtherVersion = move(this.#scopeVersion, isNamed ? span.takeScopeVersion() : EMPTY);
    if (this.#scope < 0 || isOther || isOtherVersion) this.#openScope();
    span.write(out);
    this.spans += 1;
  }

  close(): void {
    if (this.#scope >= 0) this.out.end(this.#scope);
    const { length } = this.out;
    this.out.end(this.#group);
    // All of it moves when its length takes more or less than was kept.
    this.#resourceFrom += this.out.length - length;
    this.#resourceTo += this.out.length - length;
    this.abandon();
  }

  /** After an error: nothing is open. */
  abandon(): void {
    this.#scope = -1;
    this.#group = -1;
  }

  clear(): void {
    this.out.clear();
    this.spans = 0;
    this.abandon();
  }

  #begin(): void {
    this.#lengthBytes = this.#bytes.length < SHORT_BYTES ? 2 : 3;
    this.#group = this.out.begin(RESOURCE_SPANS, this.#lengthBytes);
    this.#resourceFrom = this.out.length;
  }

  #openScope(): void {
    const { out } = this;
    if (this.#scope >= 0) out.end(this.#scope);
    this.#scope = out.begin(SCOPE_SPANS, this.#lengthBytes);
    if (this.#scopeName.to === this.#scopeName.from) return;
    const begun = out.begin(SCOPE, 1);
    out.text(SCOPE_NAME, this.#scopeName);
    if (this.#scopeVersion.to > this.#scopeVersion.from) {
      out.text(SCOPE_VERSION, this.#scopeVersion);
    }
    out.end(begun);
  }

  /** In the words in which the Collector keeps it; undefined when there is none. */
  #takeVersion(): Text | undefined {
    const { process } = this;
    const row = process.find(JAEGER_VERSION_TAG);
    if (row < 0 || process.type(row) !== TAG_STRING) return undefined;
    if (process.find(EXPORTER_VERSION_TAG) >= 0) return undefined;
    process.remove(row);
    const { bytes, from, to } = process.text(row);
    const text = new Uint8Array(VERSION_PREFIX.to + to - from);
    text.set(VERSION_PREFIX.bytes);
    text.set(bytes.subarray(from, to), VERSION_PREFIX.to);
    return { bytes: text, from: 0, to: text.length };
  }
}

const EMPTY: Text = textOf("");

/** Moves `target` over `source`; whether it says something else now. */
function move(target: Text, source: Text): boolean {
  const isOther = !isSameText(target, source);
  target.bytes = source.bytes;
  target.from = source.from;
  target.to = source.to;
  return isOther;
}
