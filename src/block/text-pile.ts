/** Texts of a column without a dictionary, in the order of its values. */
import type { ColumnSource, RowRange } from "./block-columns-read.ts";
import { readColumns } from "./block-columns-read.ts";
import { TextPile } from "./block-dictionary.ts";
import type { BlockCaches } from "./block-read.ts";

export interface PileRequest {
  readonly column: number;
  readonly rows: RowRange;
  /** Under which it is kept. */
  readonly name: string;
}

export function readTextPile(
  caches: BlockCaches,
  source: ColumnSource,
  { column, rows, name }: PileRequest,
): TextPile {
  const held = caches.piles.get(source.path, `${name}${column}`);
  if (held !== undefined) return held;
  const read = readColumns(caches, source, { columns: [column], rows }).get(column);
  const texts = (read?.values ?? []).filter((value) => value instanceof Uint8Array);
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + text.length, 0));
  const starts = new Uint32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) {
    bytes.set(text, starts[i]);
    starts[i + 1] = starts[i] + text.length;
  }
  const pile = new TextPile(bytes, starts);
  return caches.piles.put({ file: source.path, part: `${name}${column}` }, pile, pile.heldBytes);
}
