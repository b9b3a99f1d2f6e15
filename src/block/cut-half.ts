/** What TypeScript reads of a sealed half: its sparse columns, and bytes of its entries. */
import {
  COL_ATTRIBUTE_FIRST,
  COLUMN_BYTES,
  COLUMN_COUNT,
  COLUMN_KEY,
  COLUMN_SCOPE,
  COLUMN_TYPE,
  HALF_COLUMN,
  HALF_COLUMNS,
  HALF_ENTRY,
  HALF_KEY,
  HALF_ROWS,
  HALF_TRACES,
  HALF_WAL_FROM,
  HALF_WAL_TO,
} from "../../native/src/layout.ts";

export interface HalfColumn {
  readonly index: number;
  /** TYPE_* and SCOPE_* of native/src/layout.ts. */
  readonly type: number;
  readonly scope: number;
  /** Empty for the fixed ones. */
  readonly key: string;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export class CutHalf {
  readonly rows: number;
  readonly traces: number;
  readonly walFrom: number;
  readonly walTo: number;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly #half: number;
  readonly #entries: number;

  constructor(buffer: SharedArrayBuffer, half: number) {
    const view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.#half = half;
    this.rows = this.#word(half + HALF_ROWS);
    this.traces = this.#word(half + HALF_TRACES);
    this.walFrom = view.getFloat64(half + HALF_WAL_FROM, true);
    this.walTo = view.getFloat64(half + HALF_WAL_TO, true);
    this.#entries = this.#word(half + HALF_ENTRY);
  }

  /** Columns with at least one value: fixed ones first, attributes in order of first sight. */
  columns(): HalfColumn[] {
    const columns: HalfColumn[] = [];
    const count = this.#word(this.#half + HALF_COLUMNS);
    for (let index = 0; index < count; index++) {
      const at = this.#word(this.#half + HALF_COLUMN) + index * COLUMN_BYTES;
      if (this.#word(at + COLUMN_COUNT) === 0) continue;
      const isAttribute = index >= COL_ATTRIBUTE_FIRST;
      columns.push({
        index,
        type: this.#word(at + COLUMN_TYPE),
        scope: this.#word(at + COLUMN_SCOPE),
        key: isAttribute ? this.#key(this.#word(at + COLUMN_KEY)) : "",
      });
    }
    return columns;
  }

  /** A view; the half is sealed, so it stays as it is. */
  entry(entry: number): Uint8Array {
    const at = this.#entries + entry * 8;
    return this.#view(this.#word(at), this.#word(at + 4));
  }

  text(entry: number): string {
    return utf8.decode(this.entry(entry).slice());
  }

  /** The two entries of a resource or scope: message and schema url. */
  pair(entry: number): readonly [number, number] {
    const bytes = this.entry(entry);
    if (bytes.length === 0) return [0, 0];
    const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
    return [view.getUint32(0, true), view.getUint32(4, true)];
  }

  #key(key: number): string {
    const at = this.#word(this.#half + HALF_KEY) + key * 16;
    return utf8.decode(this.#view(this.#word(at), this.#word(at + 4)).slice());
  }

  #view(at: number, length: number): Uint8Array {
    return this.bytes.subarray(at, at + length);
  }

  #word(at: number): number {
    return this.words[at >>> 2];
  }
}
