/**
 * One span as columns say it: what head and blocks give to the encoder of OTLP spans.
 *
 * Texts stay UTF-8 bytes throughout, so that nothing is decoded only to be encoded again. An empty
 * array stands for an absent text. Byte arrays may be views on pages or on the head: valid until
 * the reader's next call, never to be written to.
 */

/** A message with its schema URL. Equal ones are the same object where that is cheap to see. */
export interface SourceMessage {
  /** An OTLP Resource or InstrumentationScope message. */
  readonly message: Uint8Array;
  readonly schemaUrl: Uint8Array;
}

export type AttributeValue =
  | { readonly type: "string"; readonly key: Uint8Array; readonly value: Uint8Array }
  /** Signed, 64 bits. */
  | { readonly type: "int"; readonly key: Uint8Array; readonly value: bigint }
  | { readonly type: "double"; readonly key: Uint8Array; readonly value: number }
  | { readonly type: "bool"; readonly key: Uint8Array; readonly value: boolean }
  /** Of one element type; `value` is the ArrayValue message. */
  | { readonly type: "array"; readonly key: Uint8Array; readonly value: Uint8Array }
  /** Any other: the KeyValue message as sent. */
  | { readonly type: "raw"; readonly raw: Uint8Array };

export interface EventRow {
  /** Unsigned, 64 bits. */
  readonly timeUnixNano: bigint;
  readonly name: Uint8Array;
  readonly droppedAttributes: number;
  /** In the order of the wire, here and below. */
  readonly attributes: readonly AttributeValue[];
}

export interface LinkRow {
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  /** 8 bytes. */
  readonly spanId: Uint8Array;
  readonly traceState: Uint8Array;
  readonly flags: number;
  readonly droppedAttributes: number;
  readonly attributes: readonly AttributeValue[];
}

export interface SpanRow {
  /** 8 bytes. */
  readonly spanId: Uint8Array;
  /** 8 bytes; undefined: a root. */
  readonly parentSpanId: Uint8Array | undefined;
  readonly traceState: Uint8Array;
  readonly name: Uint8Array;
  readonly kind: number;
  /** Unsigned, 64 bits. */
  readonly startUnixNano: bigint;
  /** Signed: end - start, modulo 2^64. */
  readonly durationNano: bigint;
  readonly statusCode: number;
  readonly statusMessage: Uint8Array;
  /** These four are unsigned, 32 bits. */
  readonly flags: number;
  readonly droppedAttributes: number;
  readonly droppedEvents: number;
  readonly droppedLinks: number;
  readonly attributes: readonly AttributeValue[];
  readonly events: readonly EventRow[];
  readonly links: readonly LinkRow[];
  /** The Span message as sent, when the rest cannot say it exactly: it wins. */
  readonly otlp: Uint8Array | undefined;
  readonly resource: SourceMessage;
  readonly scope: SourceMessage;
}
