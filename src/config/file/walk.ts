/**
 * The tree of the file against the tables: what is given, and everything that is wrong with it.
 *
 * Pure: all problems are collected, none is thrown. Below a block of a part that is not built, keys
 * are still checked, so that no second round of problems waits behind the first.
 */
import type { Finding, Place, Source } from "../finding.ts";
import {
  type AnySetting,
  type Block,
  flatten,
  type Inert,
  type Key,
  type Leaf,
  type Unbuilt,
} from "../table/key.ts";
import { readValue, shownValue, type Value } from "../value/value.ts";
import { nearestName, nearestPath } from "./nearest.ts";
import { plain, type Tree, type TreeEntry, type TreeMap } from "./yaml-tree.ts";

/** A setting with its value, and where it was written under which name. */
export interface Given {
  readonly setting: AnySetting;
  readonly path: string;
  readonly source: Source;
  readonly value: unknown;
}

/** A key without meaning that asks for something. */
export interface Ignored {
  readonly path: string;
  readonly source: Source;
  readonly reason: string;
}

export interface Walked {
  readonly given: readonly Given[];
  readonly ignored: readonly Ignored[];
  readonly problems: readonly Finding[];
  /** Every key that stands in the file, blocks and empty ones included. */
  readonly present: ReadonlyMap<string, Place>;
  /** Settings whose value was refused, by their canonical and by their written path. */
  readonly refused: ReadonlySet<string>;
  /** The entries of the named block, receivers of any kind. */
  readonly instances: readonly Instance[];
}

export interface Instance {
  /** Without the name: `otlp`. */
  readonly type: string;
  /** With it: `otlp/second`. */
  readonly name: string;
  readonly path: string;
  readonly source: Source;
}

export function walk(top: Block, tree: TreeMap): Walked {
  const walker = new Walker(top);
  walker.visitBlock(top, tree, "");
  return walker;
}

class Walker implements Walked {
  readonly given: Given[] = [];
  readonly ignored: Ignored[] = [];
  readonly problems: Finding[] = [];
  readonly present = new Map<string, Place>();
  readonly refused = new Set<string>();
  readonly instances: Instance[] = [];
  readonly #top: Block;
  /** Depth of blocks that are one sentence for all that is below them. */
  #quiet = 0;
  /** Keys that ask for something, quiet ones included. */
  #asking = 0;

  constructor(top: Block) {
    this.#top = top;
  }

  visitBlock(block: Block, tree: Tree, path: string): void {
    if (tree.kind !== "map") return;
    for (const entry of tree.entries) {
      const here = path === "" ? entry.key : `${path}.${entry.key}`;
      this.present.set(here, entry.place);
      const key = keyOf(block, entry.key);
      if (key === undefined) this.#unknown(block, here, entry);
      else if (key.kind !== "block") this.#leaf(key, here, entry);
      else {
        if (block.named === true) this.instances.push(instanceOf(here, entry));
        this.#block(key, here, entry);
      }
    }
  }

  #block(block: Block, path: string, entry: TreeEntry): void {
    const { value } = entry;
    const empty = value.kind === "scalar" && (value.value === null || value.value === "");
    if (value.kind !== "map" && !empty) {
      this.#problem(path, entry.place, `${shownValue(plain(value))} is not keys below this one`);
    }
    if (block.unbuilt === undefined) {
      this.visitBlock(block, value, path);
      return;
    }
    const before = this.#asking;
    this.#quiet++;
    this.visitBlock(block, value, path);
    this.#quiet--;
    const asks = this.#asking > before || block.byPresence === true;
    if (asks && this.#quiet === 0) this.#problem(path, entry.place, notBuilt(block.unbuilt, path));
  }

  #leaf(key: Leaf, path: string, entry: TreeEntry): void {
    const setting = key.kind === "alias" ? key.of : key;
    const raw = rawOf(setting.value, entry.value);
    if (raw === null) return;
    const read = readValue(setting.value, raw);
    if (!read.ok) {
      this.#asking++;
      if (setting.kind === "setting") this.refused.add(setting.path).add(path);
      this.#problem(path, entry.place, read.message);
      return;
    }
    if (setting.kind === "setting") {
      this.given.push({ setting, path, source: entry.place, value: read.value });
    } else if (!read.off) {
      this.#asking++;
      this.#asks(setting, path, entry.place);
    }
  }

  #asks(key: Inert | Unbuilt, path: string, place: Place): void {
    if (this.#quiet > 0) return;
    if (key.kind === "inert") this.ignored.push({ path, source: place, reason: key.reason });
    else this.#problem(path, place, notBuilt(key.what, path));
  }

  #unknown(block: Block, path: string, entry: TreeEntry): void {
    const sibling = nearestName(entry.key, Object.keys(block.keys));
    const prefix = path.slice(0, path.length - entry.key.length);
    const elsewhere = sibling ?? nearestPath(path, knownPaths(this.#top));
    const meant = sibling === undefined ? elsewhere : prefix + sibling;
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    this.#problem(path, entry.place, `this key is not known${hint}`);
  }

  #problem(path: string, source: Source, message: string): void {
    this.problems.push({ source, path, message });
  }
}

export function notBuilt(what: string, path: string): string {
  return `${what} not built yet; remove ${path}`;
}

function instanceOf(path: string, entry: TreeEntry): Instance {
  const type = typeOf(entry.key);
  return { type, name: entry.key, path, source: entry.place };
}

function typeOf(name: string): string {
  return name.replace(/\/.+$/s, "");
}

/** Own keys only: `constructor` is no key. A named block knows `otlp/second` by its `otlp`. */
function keyOf(block: Block, name: string): Key | undefined {
  const known = block.named === true ? typeOf(name) : name;
  return Object.hasOwn(block.keys, known) ? block.keys[known] : undefined;
}

function rawOf(kind: Value<unknown>, tree: Tree): unknown {
  if (tree.kind !== "scalar") return plain(tree);
  if (tree.value === null) return null;
  return kind.wants === "text" ? tree.source : tree.value;
}

const pathsOf = new WeakMap<Block, readonly string[]>();

function knownPaths(top: Block): readonly string[] {
  const known = pathsOf.get(top) ?? flatten(top).map((one) => one.path);
  pathsOf.set(top, known);
  return known;
}
