/** Resources or scopes, each once: equal when bytes and schema URL are, within their parent. */
import type { SourceMessage } from "../model/span-row.ts";

export interface SourceGroup {
  readonly source: SourceMessage;
  /** Of a scope: the index of its resource. */
  readonly parent: number;
  /** Indexes of scopes or spans inside. */
  readonly members: number[];
  /** Bytes of the members' fields. */
  bytes: number;
}

export class SourceGroups {
  readonly #groups: SourceGroup[] = [];
  readonly #byContent = new Map<string, number>();
  /** Sources are often the same object as before. */
  #last = -1;
  #lastSource: SourceMessage | undefined;

  /** Of all messages and URLs that are held. */
  bytes = 0;

  at(index: number): SourceGroup {
    return this.#groups[index];
  }

  /** The group's index; a new one copies the bytes. */
  find(source: SourceMessage, parent: number): number {
    if (source === this.#lastSource && this.#groups[this.#last].parent === parent) {
      return this.#last;
    }
    const key = contentOf(source, parent);
    let index = this.#byContent.get(key);
    if (index === undefined) {
      const copy = { message: source.message.slice(), schemaUrl: source.schemaUrl.slice() };
      index = this.#groups.push({ source: copy, parent, members: [], bytes: 0 }) - 1;
      this.#byContent.set(key, index);
      this.bytes += copy.message.length + copy.schemaUrl.length;
    }
    this.#last = index;
    this.#lastSource = source;
    return index;
  }
}

function contentOf({ message, schemaUrl }: SourceMessage, parent: number): string {
  return `${parent} ${message.length} ${latin1(message)}${latin1(schemaUrl)}`;
}

/** One character a byte. */
function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
