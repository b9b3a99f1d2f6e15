/** What HPACK's indexes stand for: 61 fields that all know, then those that the client named. */

export interface Field {
  readonly name: string;
  readonly value: string;
  /** Neither has what must not be in it (RFC 9113, 8.2.1). */
  readonly isValid: boolean;
}

/** RFC 7541, appendix A. */
const STATIC: readonly Field[] = [
  ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https",
  ":status=200|:status=204|:status=206|:status=304|:status=400|:status=404|:status=500",
  "accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept",
  "access-control-allow-origin|age|allow|authorization|cache-control|content-disposition",
  "content-encoding|content-language|content-length|content-location|content-range",
  "content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since",
  "if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards",
  "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server",
  "set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate",
]
  .flatMap((line) => line.split("|"))
  .map((text) => {
    const [name, value = ""] = text.split("=");
    return { name, value, isValid: true };
  });

/** What a field counts beside its characters. */
export const FIELD_BYTES = 32;
/** Of the client's fields: the protocol's default, of which we say nothing else. */
export const TABLE_BYTES_MAX = 4096;

export function fieldBytes({ name, value }: Field): number {
  return name.length + value.length + FIELD_BYTES;
}

export class HpackTable {
  /** The newest is the last; those before #first are gone. */
  #fields: Field[] = [];
  #first = 0;
  #bytes = 0;
  #bytesMax = TABLE_BYTES_MAX;

  /** `index` counts from 1; undefined: there is no such field. */
  at(index: number): Field | undefined {
    if (index <= STATIC.length) return STATIC[index - 1];
    const place = this.#fields.length - (index - STATIC.length);
    return place < this.#first ? undefined : this.#fields[place];
  }

  add(field: Field): void {
    this.#fields.push(field);
    this.#bytes += fieldBytes(field);
    this.#evict();
  }

  /** At most TABLE_BYTES_MAX. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax) this.#bytes -= fieldBytes(this.#fields[this.#first++]);
    if (this.#first <= TABLE_BYTES_MAX / FIELD_BYTES) return;
    this.#fields = this.#fields.slice(this.#first);
    this.#first = 0;
  }
}
