/**
 * The YAML file as a tree of keys and values that know their places.
 *
 * As in Tempo: YAML 1.2 numbers, anchors, aliases and merge keys (`<<`) work, an empty file is an
 * empty mapping. Stricter than Tempo: duplicate keys, a second document, tags of one's own, and
 * bytes that are not UTF-8 are problems; Tempo takes the first document and forgets the rest.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
} from "yaml";
import type { Finding, Place } from "../finding.ts";
import { CONFIG_DEPTH_MAX, CONFIG_NODES_MAX } from "../limits.ts";

export type Tree = TreeMap | TreeList | TreeScalar;

export interface TreeEntry {
  readonly key: string;
  readonly place: Place;
  readonly value: Tree;
}

export interface TreeMap {
  readonly kind: "map";
  readonly entries: readonly TreeEntry[];
}

export interface TreeList {
  readonly kind: "list";
  readonly items: readonly Tree[];
}

export interface TreeScalar {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** As written, without quotes. */
  readonly source: string;
}

const EMPTY: TreeMap = { kind: "map", entries: [] };
const NULL: TreeScalar = { kind: "scalar", value: null, source: "" };

/** Where an offset of the text lies in the file. */
export type PlaceOf = (offset: number) => Place;

export interface ParsedTree {
  readonly top: TreeMap;
  readonly problems: readonly Finding[];
}

export function parseYamlTree(text: string, placeOf: PlaceOf): ParsedTree {
  const problems: Finding[] = [];
  const report = (offset: number, message: string, path = "") => {
    problems.push({ source: placeOf(offset), path, message });
  };
  const document = parse(text, report);
  if (document === undefined) return { top: EMPTY, problems };
  for (const issue of [...document.errors, ...document.warnings]) {
    report(issue.pos[0], explain(issue));
  }
  // Behind a broken line the structure is guesswork; only doubled keys leave it whole.
  const whole = document.errors.every((issue) => issue.code === "DUPLICATE_KEY");
  if (!whole || document.contents === null) return { top: EMPTY, problems };
  const top = new Builder(placeOf, report).build(document.contents, 0);
  if (top.kind === "map") return { top, problems };
  if (top.kind !== "scalar" || top.value !== null) {
    report(document.contents.range?.[0] ?? 0, "the file must hold keys, such as server:");
  }
  return { top: EMPTY, problems };
}

type Report = (offset: number, message: string, path?: string) => void;

/** The parser recurses; a file made of ten thousand brackets must not end the process. */
function parse(text: string, report: Report): Document.Parsed | undefined {
  try {
    return parseDocument(text, { prettyErrors: false, uniqueKeys: true, strict: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    report(0, "the file is nested too deeply");
    return undefined;
  }
}

/** Our words where the parser's speak of its own API. */
function explain(issue: YAMLError): string {
  if (issue.code === "MULTIPLE_DOCS") return "a second document begins here; one file is one";
  if (issue.code === "DUPLICATE_KEY") return "this key stands here a second time";
  if (issue.code === "TAG_RESOLVE_FAILED") return "tags have no meaning here";
  return `not valid YAML: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
}

class Builder {
  readonly #placeOf: PlaceOf;
  readonly #report: Report;
  /** Names may be given again; an alias means the last one before it. */
  readonly #anchors = new Map<string, Node>();
  #inAlias = 0;
  #nodeCount = 0;

  constructor(placeOf: PlaceOf, report: Report) {
    this.#placeOf = placeOf;
    this.#report = report;
  }

  build(node: Node | null, depth: number): Tree {
    if (node === null) return NULL;
    this.#nodeCount++;
    if (this.#nodeCount > CONFIG_NODES_MAX || depth > CONFIG_DEPTH_MAX) {
      // Once is enough: a file that multiplies its aliases would fill the screen.
      if (this.#nodeCount !== Number.POSITIVE_INFINITY) {
        this.#report(node.range?.[0] ?? 0, "the file is too large or nested too deeply");
      }
      this.#nodeCount = Number.POSITIVE_INFINITY;
      return NULL;
    }
    if (isAlias(node)) return this.#buildAlias(node, depth);
    // Behind an alias the anchors are old ones, which must not win over later ones of their name.
    const anchor = (node as Scalar).anchor;
    if (anchor !== undefined && this.#inAlias === 0) this.#anchors.set(anchor, node);
    if (isMap(node)) return { kind: "map", entries: this.#entries(node.items, depth) };
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item as Node | null, depth + 1));
      return { kind: "list", items };
    }
    return isScalar(node) ? scalar(node.value, node.source) : NULL;
  }

  #buildAlias(alias: Alias, depth: number): Tree {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) {
      this.#report(alias.range?.[0] ?? 0, "this alias has no anchor before it");
      return NULL;
    }
    this.#inAlias++;
    const tree = this.build(target, depth + 1);
    this.#inAlias--;
    return tree;
  }

  #entries(pairs: readonly Pair[], depth: number): TreeEntry[] {
    const entries = new Map<string, TreeEntry>();
    const merged: TreeEntry[] = [];
    for (const pair of pairs) {
      const { key: keyNode, value: valueNode } = pair as Pair<Node, Node | null>;
      const offset = keyNode?.range?.[0] ?? valueNode?.range?.[0] ?? 0;
      if (!isScalar(keyNode)) {
        this.#report(offset, "a key must be a plain text");
        continue;
      }
      const key = keyNode.source ?? String(keyNode.value);
      const place = this.#placeOf(offset);
      const value = this.build(valueNode, depth + 1);
      if (key === "<<" && keyNode.type === "PLAIN") merged.push(...this.#merged(value, offset));
      else if (!entries.has(key)) entries.set(key, { key, place, value });
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return [...entries.values()];
  }

  /** Keys of the mapping itself win over merged ones, earlier merged ones over later ones. */
  #merged(value: Tree, offset: number): readonly TreeEntry[] {
    if (value.kind === "map") return value.entries;
    if (value.kind === "list") return value.items.flatMap((item) => this.#merged(item, offset));
    this.#report(offset, "only mappings can be merged with <<");
    return [];
  }
}

function scalar(value: unknown, source: string | undefined): TreeScalar {
  if (value === null || value === undefined) return NULL;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return { kind: "scalar", value, source: source ?? String(value) };
  }
  return { kind: "scalar", value: String(value), source: source ?? String(value) };
}

/** Plain values, for kinds that take lists and mappings whole. */
export function plain(tree: Tree): unknown {
  if (tree.kind === "scalar") return tree.value;
  if (tree.kind === "list") return tree.items.map(plain);
  return Object.fromEntries(tree.entries.map((entry) => [entry.key, plain(entry.value)]));
}
