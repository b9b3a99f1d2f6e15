/**
 * A span of Jaeger as its reader fills it and as it becomes a span of OTLP. One of these serves
 * all spans, one after the other.
 *
 * The translation is that of the OpenTelemetry specification and of the Collector:
 *
 *   span.kind                            kind, when it is one of the five
 *   error, otel.status_code, …           status; jaeger-status.ts
 *   w3c.tracestate                       trace state
 *   otel.scope.name, otel.scope.version  scope; JaegerRequest asks for them. Without them what
 *                                        otel.library.name and otel.library.version say
 *   parent id, else a reference          parent; jaeger-references.ts
 *   other references                     links with opentracing.ref_type
 *   log                                  event; its name is the field event, or else what the
 *                                        field message says
 *   flags                                W3C's sampled, which is the same bit
 *
 * A tag that becomes something else is no attribute; one that should and cannot, stays.
 */
import {
  EVENT_FIELD,
  LIBRARY_NAME_TAG,
  LIBRARY_VERSION_TAG,
  LOG_NAMES,
  MESSAGE_FIELD,
  SCOPE_NAME_TAG,
  SCOPE_VERSION_TAG,
  SPAN_KIND_TAG,
  SPAN_NAMES,
  TRACE_STATE_TAG,
} from "./jaeger-names.ts";
import { JaegerReferences } from "./jaeger-references.ts";
import { JaegerStatus } from "./jaeger-status.ts";
import { JaegerTags, TAG_STRING } from "./jaeger-tags.ts";
import {
  END_TIME,
  EVENT,
  EVENT_ATTRIBUTE,
  EVENT_NAME,
  EVENT_TIME,
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_INTERNAL,
  KIND_PRODUCER,
  KIND_SERVER,
  PARENT_SPAN_ID,
  SPAN,
  SPAN_ATTRIBUTE,
  SPAN_FLAGS,
  SPAN_ID,
  SPAN_KIND,
  SPAN_NAME,
  START_TIME,
  TRACE_ID,
  TRACE_STATE,
} from "./otlp-tags.ts";
import { OtlpWriter } from "./otlp-write.ts";
import { isSameText, type Text, textOf } from "./text.ts";
import { Uint64 } from "./uint64.ts";

const KINDS: readonly (readonly [Text, number])[] = [
  [textOf("client"), KIND_CLIENT],
  [textOf("server"), KIND_SERVER],
  [textOf("producer"), KIND_PRODUCER],
  [textOf("consumer"), KIND_CONSUMER],
  [textOf("internal"), KIND_INTERNAL],
];

/** Places in JaegerSpan.ids. */
export const OWN_ID = 16;
export const PARENT_ID = 24;
const IDS_BYTES = 32;

const SAMPLED = 1;
const EMPTY: Text = textOf("");

export class JaegerSpan {
  /** Trace id, span id, parent id: sixteen bytes, eight, eight. */
  readonly ids = new Uint8Array(IDS_BYTES);
  readonly name: Text = textOf("");
  readonly start = new Uint64();
  readonly duration = new Uint64();
  flags = 0;
  readonly tags = new JaegerTags(SPAN_NAMES);
  readonly references = new JaegerReferences();
  /** Of the log at hand. */
  readonly fields = new JaegerTags(LOG_NAMES);
  readonly logTime = new Uint64();

  readonly #events: OtlpWriter;
  readonly #status = new JaegerStatus();
  readonly #id: Text = { bytes: this.ids, from: 0, to: 0 };
  /** The scope is named as older exporters do. */
  #isLibrary = false;

  /** `bytesMax` is of the span's events. */
  constructor(bytesMax: number) {
    this.#events = new OtlpWriter({ bytesMax, mendText: true });
  }

  /** Begins a span whose strings lie in `bytes`. */
  clear(bytes: Uint8Array): void {
    this.ids.fill(0);
    this.name.bytes = bytes;
    this.name.from = 0;
    this.name.to = 0;
    this.start.set(0, 0);
    this.duration.set(0, 0);
    this.flags = 0;
    this.tags.clear(bytes);
    this.references.clear();
    this.#events.clear();
  }

  /** Begins a log: its fields and its time are to be set, then endLog(). */
  beginLog(): void {
    this.fields.clear(this.name.bytes);
    this.logTime.set(0, 0);
  }

  endLog(): void {
    const { fields } = this;
    const out = this.#events;
    const begun = out.begin(EVENT, 1);
    out.fixed64(EVENT_TIME, this.logTime.low, this.logTime.high);
    fields.settle();
    const event = fields.find(EVENT_FIELD);
    const message = fields.find(MESSAGE_FIELD);
    if (event >= 0 && fields.type(event) === TAG_STRING) {
      out.text(EVENT_NAME, fields.text(event));
      fields.remove(event);
    } else if (message >= 0 && fields.type(message) === TAG_STRING) {
      out.text(EVENT_NAME, fields.text(message));
    }
    fields.write(out, EVENT_ATTRIBUTE);
    out.end(begun);
  }

  /** When the span is complete, before what follows. */
  settle(): void {
    this.tags.settle();
  }

  /**
   * Takes the scope's name out of the tags; valid until the next call. The name that older
   * exporters write stays an attribute, as it does in the Collector.
   */
  takeScopeName(): Text {
    const name = this.#take(SCOPE_NAME_TAG);
    this.#isLibrary = name === undefined;
    return name ?? this.#told(LIBRARY_NAME_TAG) ?? EMPTY;
  }

  /** Likewise its version; only a scope that has a name has one. */
  takeScopeVersion(): Text {
    const version = this.#isLibrary
      ? this.#told(LIBRARY_VERSION_TAG)
      : this.#take(SCOPE_VERSION_TAG);
    return version ?? EMPTY;
  }

  /** As a span of OTLP. */
  write(out: OtlpWriter): void {
    const begun = out.begin(SPAN, 2);
    this.#findParent();
    out.bytes(TRACE_ID, this.#idAt(0, 16));
    out.bytes(SPAN_ID, this.#idAt(OWN_ID, 8));
    if (!this.#isRoot()) out.bytes(PARENT_SPAN_ID, this.#idAt(PARENT_ID, 8));
    if (this.name.to > this.name.from) out.text(SPAN_NAME, this.name);
    const kind = this.#takeKind();
    out.varint(SPAN_KIND, kind);
    out.fixed64(START_TIME, this.start.low, this.start.high);
    this.start.add(this.duration);
    out.fixed64(END_TIME, this.start.low, this.start.high);
    const state = this.#take(TRACE_STATE_TAG);
    if (state !== undefined && state.to > state.from) out.text(TRACE_STATE, state);
    this.#status.take(this.tags, kind);
    this.#status.write(out, this.tags);
    this.tags.write(out, SPAN_ATTRIBUTE);
    if (this.#events.length > 0) out.fields(this.#events.written());
    this.references.write(out, this.ids, PARENT_ID);
    if ((this.flags & SAMPLED) !== 0) out.fixed32(SPAN_FLAGS, SAMPLED);
    out.end(begun);
  }

  #take(name: number): Text | undefined {
    const text = this.#told(name);
    if (text !== undefined) this.tags.remove(this.tags.find(name));
    return text;
  }

  #told(name: number): Text | undefined {
    const row = this.tags.find(name);
    if (row < 0 || this.tags.type(row) !== TAG_STRING) return undefined;
    return this.tags.text(row);
  }

  #idAt(from: number, length: number): Text {
    this.#id.from = from;
    this.#id.to = from + length;
    return this.#id;
  }

  #findParent(): void {
    if (!this.#isRoot()) return;
    const at = this.references.parent(this.ids);
    if (at < 0) return;
    for (let i = 0; i < 8; i++) this.ids[PARENT_ID + i] = this.references.bytes[at + i];
  }

  #isRoot(): boolean {
    for (let i = 0; i < 8; i++) if (this.ids[PARENT_ID + i] !== 0) return false;
    return true;
  }

  #takeKind(): number {
    const row = this.tags.find(SPAN_KIND_TAG);
    if (row < 0 || this.tags.type(row) !== TAG_STRING) return 0;
    const told = this.tags.text(row);
    for (const [name, kind] of KINDS) {
      if (!isSameText(name, told)) continue;
      this.tags.remove(row);
      return kind;
    }
    return 0;
  }
}
