/** Columns of a data file by name, for queries. */
import type { AttributeColumn } from "../block/block-layout.ts";
import type { OpenBlock } from "../block/block-read.ts";
import type { NestedName } from "./segment.ts";

interface ScopeColumns {
  /** Places of the columns that are no attributes, by their last name. */
  readonly places: ReadonlyMap<string, number>;
  readonly keys: ReadonlyMap<string, readonly AttributeColumn[]>;
  /** A column that every element has, undefined when there are no elements in the file. */
  readonly required: number | undefined;
}

export interface BlockNames {
  /** Columns that are not inside of lists, by name. */
  readonly flat: ReadonlyMap<string, number>;
  readonly span: ScopeColumns;
  readonly event: ScopeColumns;
  readonly link: ScopeColumns;
}

export const NESTED_COLUMNS: Readonly<Record<NestedName, string>> = {
  nestedSetLeft: "nested_left",
  nestedSetRight: "nested_right",
  nestedSetParent: "nested_parent",
  "span:childCount": "child_count",
};

const known = new WeakMap<OpenBlock, BlockNames>();
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export function blockNames(block: OpenBlock): BlockNames {
  const held = known.get(block);
  if (held !== undefined) return held;
  const { file, layout } = block;
  const flat = new Map<string, number>();
  for (const [column, { path }] of file.columns.entries()) {
    if (path.length === 1) flat.set(path[0], column);
  }
  const names: BlockNames = {
    flat,
    span: columnsOf(layout.span, undefined),
    event: columnsOf(layout.event, layout.event.places.get("time_unix_nano")),
    link: columnsOf(layout.link, layout.link.places.get("span_id")),
  };
  known.set(block, names);
  return names;
}

function columnsOf(
  scope: {
    readonly places: ReadonlyMap<string, number>;
    readonly attributes: readonly AttributeColumn[];
  },
  required: number | undefined,
): ScopeColumns {
  const keys = new Map<string, AttributeColumn[]>();
  for (const attribute of scope.attributes) {
    const key = utf8.decode(attribute.key);
    const columns = keys.get(key);
    if (columns === undefined) keys.set(key, [attribute]);
    else columns.push(attribute);
  }
  return { places: scope.places, keys, required };
}
