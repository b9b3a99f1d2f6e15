/**
 * Packets of Jaeger gathered into one request: spans of one process that follow each other are one
 * ResourceSpans, from however many packets they come.
 *
 * A packet is translated by itself before it comes here, so one that is damaged leaves nothing.
 */
import type { JaegerRequest } from "./jaeger-request.ts";
import { RESOURCE_SPANS } from "./otlp-tags.ts";
import { OtlpWriter } from "./otlp-write.ts";

/** Of the length of a ResourceSpans of many packets. */
const LENGTH_BYTES = 3;

export class JaegerGather {
  readonly #out: OtlpWriter;
  /** Of the ResourceSpans that is open; -1: none is. */
  #group = -1;
  #resource = new Uint8Array(0);

  constructor(bytesMax: number) {
    this.#out = new OtlpWriter({ bytesMax, mendText: false });
  }

  get length(): number {
    return this.#out.length;
  }

  /** What one packet became. Throws `too_large`, and then is as before. */
  add(packet: JaegerRequest): void {
    const bytes = packet.out.written();
    if (bytes.length === 0) return;
    const { resourceFrom, resourceTo } = packet;
    const resource = bytes.subarray(resourceFrom, resourceTo);
    if (this.#group >= 0 && Buffer.compare(resource, this.#resource) === 0) {
      this.#out.fields(bytes.subarray(resourceTo));
      return;
    }
    this.#end();
    const group = this.#out.begin(RESOURCE_SPANS, LENGTH_BYTES);
    try {
      this.#out.fields(bytes.subarray(resourceFrom));
    } catch (error) {
      this.#out.cut(group - 1);
      throw error;
    }
    this.#group = group;
    this.#resource = resource.slice();
  }

  /** All of it, a view that is valid until the next add(). */
  finish(): Uint8Array {
    this.#end();
    return this.#out.written();
  }

  clear(): void {
    this.#group = -1;
    this.#out.clear();
  }

  #end(): void {
    if (this.#group >= 0) this.#out.end(this.#group);
    this.#group = -1;
  }
}
