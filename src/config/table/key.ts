/**
 * The vocabulary of the tables: what a key of the file can be. Every key of Tempo 2.x and 3.x
 * stands in a table in exactly one class, so that no option is read and ignored:
 *
 *   honoured  reaches Config (a Setting; an Alias is another name of one)
 *   inert     cannot mean anything here: warned about once, with the reason
 *   unbuilt   belongs to a part that is not built yet: stops the start with a sentence
 *
 * Inert and unbuilt keys with a value that asks for nothing (`enabled: false`) pass in silence.
 */
import type { Config } from "../config.ts";
import type { Value } from "../value/value.ts";

export interface Setting<T, Owner = Config> {
  readonly kind: "setting";
  /** Its canonical place in the file. */
  readonly path: string;
  /** On the command line, when it differs from the path with dashes. */
  readonly flag?: string;
  readonly value: Value<T>;
  readonly fallback: T;
  /** For -help. */
  readonly about: string;
  read(owner: Owner): T;
}

/** The erased form. T is used covariantly, except in methods that only get their own values. */
export type AnySetting = Setting<unknown, never>;

export interface Alias {
  readonly kind: "alias";
  readonly of: AnySetting;
}

export interface Inert {
  readonly kind: "inert";
  readonly value: Value<unknown>;
  /** Continues "has no meaning here: …". */
  readonly reason: string;
}

export interface Unbuilt {
  readonly kind: "unbuilt";
  readonly value: Value<unknown>;
  /** Subject and verb that continue with "not built yet": "jaeger receivers are". */
  readonly what: string;
}

export interface Block {
  readonly kind: "block";
  readonly keys: Readonly<Record<string, Key>>;
  /** One sentence for the whole block, when anything below asks for something. */
  readonly unbuilt?: string;
  /** The block's mere presence asks, even when it is empty: receivers open by being named. */
  readonly byPresence?: boolean;
  /** Keys are types, and may be followed by a slash and a name: `otlp/second`. */
  readonly named?: boolean;
}

export type Leaf = AnySetting | Alias | Inert | Unbuilt;
export type Key = Block | Leaf;

export type Values = Readonly<Record<string, Value<unknown>>>;

export function block(keys: Readonly<Record<string, Key>>): Block {
  return { kind: "block", keys };
}

export function alias(of: AnySetting): Alias {
  return { kind: "alias", of };
}

export function inert(value: Value<unknown>, reason: string): Inert {
  return { kind: "inert", value, reason };
}

export function unbuilt(value: Value<unknown>, what: string): Unbuilt {
  return { kind: "unbuilt", value, what };
}

/** Many keys that mean nothing for one reason. */
export function inertKeys(reason: string, values: Values): Record<string, Key> {
  return mapKeys(values, (value) => inert(value, reason));
}

/** Many keys of one missing part; each is a problem of its own. */
export function unbuiltKeys(what: string, values: Values): Record<string, Key> {
  return mapKeys(values, (value) => unbuilt(value, what));
}

export interface ValueTree {
  readonly [key: string]: Value<unknown> | ValueTree;
}

/** A block without meaning, with everything below it. */
export function inertBlock(reason: string, tree: ValueTree): Block {
  return block(mapTree(tree, (value) => inert(value, reason)));
}

/** A block of a missing part: one sentence, however many keys below it are set. */
export function unbuiltBlock(
  what: string,
  tree: ValueTree,
  options?: { readonly byPresence: boolean },
): Block {
  const keys = mapTree(tree, (value) => unbuilt(value, what));
  return { kind: "block", keys, unbuilt: what, byPresence: options?.byPresence ?? false };
}

export interface FlatKey {
  readonly path: string;
  readonly key: Key;
}

/** Every key below a block with its path, blocks included. */
export function flatten(top: Block, prefix = ""): FlatKey[] {
  return Object.entries(top.keys).flatMap(([name, key]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    return key.kind === "block" ? [{ path, key }, ...flatten(key, path)] : [{ path, key }];
  });
}

function isValue(entry: Value<unknown> | ValueTree): entry is Value<unknown> {
  return "wants" in entry && typeof entry["wants"] === "string";
}

function mapTree(tree: ValueTree, leaf: (value: Value<unknown>) => Key): Record<string, Key> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, entry]) => [
      name,
      isValue(entry) ? leaf(entry) : block(mapTree(entry, leaf)),
    ]),
  );
}

function mapKeys(values: Values, leaf: (value: Value<unknown>) => Key): Record<string, Key> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, leaf(value)]));
}
