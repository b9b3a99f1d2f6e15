/**
 * Mutations of a request by the place of a field: each takes one field, chosen so that all kinds
 * of fields are met equally often, and disfigures it in one of the ways that decoders fall over.
 */
import type { Prng } from "../../src/base/prng.ts";
import { encodeNode, encodeTree, type Node, treeOf, varintBytes, walk } from "./otlp-tree.ts";

export interface Mutant {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** "span.name: truncated value" and so on, in order. */
  readonly changes: readonly string[];
  readonly paths: readonly string[];
}

interface Place {
  readonly random: Prng;
  readonly node: Node;
  /** The fields beside it, itself among them. */
  readonly siblings: Node[];
}

type Mutation = (place: Place) => void;

const utf8 = (...bytes: number[]) => Uint8Array.from(bytes);

/** Not UTF-8, each for another reason. */
const BAD_TEXTS = [
  utf8(0x80),
  utf8(0xc0, 0x80),
  utf8(0xc1, 0xbf),
  utf8(0xe0, 0x80, 0x80),
  utf8(0xed, 0xa0, 0x80),
  utf8(0xf0, 0x80, 0x80, 0x80),
  utf8(0xf4, 0x90, 0x80, 0x80),
  utf8(0xf5, 0x80, 0x80, 0x80),
  utf8(0xe2, 0x82),
  utf8(0xff),
];

/** What often stands behind a request in a ring: it must not be taken for a part of it. */
const TRAILING = [
  utf8(),
  utf8(0x0a, 0x10),
  utf8(0x4a, 0x7f),
  utf8(0x80, 0x80, 0x80),
  utf8(0xff, 0xff, 0xff, 0xff, 0x0f),
  utf8(0x7a, 0x02, 0x18, 0x02),
  utf8(0x0b),
  utf8(0x0c),
  utf8(0),
];

const LENGTHS = [
  ...[0n, 1n, 7n, 8n, 9n, 15n, 16n, 17n, 127n, 128n, 255n, 65_535n, 0x7fff_ffffn],
  ...[0xffff_fff0n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0001n, 0x7fff_ffff_ffff_ffffn],
  ...[0xffff_ffff_ffff_fff0n, 0xffff_ffff_ffff_ffffn],
];

const pick = <Item>(random: Prng, items: readonly Item[]): Item =>
  items[random.below(items.length)];

function bodyOf(node: Node): Uint8Array {
  if (typeof node.value === "bigint") return varintBytes(node.value);
  return node.children === undefined ? node.value : encodeTree(node.children);
}

function setBody(node: Node, bytes: Uint8Array): void {
  node.value = bytes;
  node.children = undefined;
}

const isBytes = (node: Node) => node.field.wire === "bytes" && node.whole === undefined;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "tag of up to ten bytes": ({ random, node }) => {
    node.tag = varintBytes(BigInt(node.number * 8 + node.wireType), 1 + random.below(9));
  },
  "padded varint": ({ random, node }) => {
    const padding = 1 + random.below(9);
    if (typeof node.value === "bigint") node.length = varintBytes(node.value, padding);
    else if (isBytes(node)) node.length = varintBytes(BigInt(bodyOf(node).length), padding);
  },
  "varint over 64 bits": ({ random, node }) => {
    const bytes = new Uint8Array(10 + random.below(2)).fill(0x80 + random.below(128));
    bytes[bytes.length - 1] = random.below(3);
    if (random.below(2) === 0) node.tag = bytes;
    else node.length = bytes;
  },
  "any varint": ({ random, node }) => {
    if (typeof node.value !== "bigint") return;
    node.value = pick(random, [...LENGTHS, BigInt(random.below(300))]);
  },
  "any length": ({ random, node }) => {
    if (!isBytes(node)) return;
    node.length = varintBytes(pick(random, LENGTHS), random.below(2));
    node.trailing = pick(random, TRAILING);
  },
  "length past the end": ({ random, node }) => {
    if (!isBytes(node)) return;
    node.length = varintBytes(BigInt(bodyOf(node).length + 1 + random.below(20)));
    node.trailing = pick(random, TRAILING);
  },
  "length too short": ({ random, node }) => {
    if (!isBytes(node)) return;
    const bytes = bodyOf(node).length;
    node.length = varintBytes(BigInt(Math.max(0, bytes - 1 - random.below(12))));
  },
  "trailing bytes": ({ random, node }) => {
    if (isBytes(node)) node.trailing = pick(random, TRAILING);
  },
  "other wire type": ({ random, node }) => {
    node.wireType = random.below(8);
  },
  "other field number": ({ random, node }) => {
    node.number = 1 + random.below(20);
  },
  "field 0": ({ random, node, siblings }) => {
    const tag = utf8(random.below(8), ...random.bytes(random.below(3)));
    siblings.splice(siblings.indexOf(node), random.below(2), { ...node, whole: tag });
  },
  "unknown field": ({ random, node, siblings }) => {
    const number = pick(random, [17n, 99n, 1000n, 19_000n, 0x1fff_ffffn, 0x2000_0000n]);
    const wireType = BigInt(pick(random, [0, 1, 2, 5, 6, 7]));
    const value = wireType === 2n ? utf8(3, 0x0a, 0x01, 0x41) : new Uint8Array(8).fill(1);
    const size = wireType === 0n ? 1 : wireType === 5n ? 4 : value.length;
    const whole = Buffer.concat([varintBytes(number * 8n + wireType), value.subarray(0, size)]);
    siblings.splice(random.below(siblings.length + 1), 0, { ...node, whole });
  },
  group: ({ random, node, siblings }) => {
    const number = pick(random, [node.number, 17, 20, 99, 5000]);
    const depth = pick(random, [1, 2, 3, 62, 63, 64, 65, 66, 200]);
    const open = varintBytes(BigInt(number * 8 + 3));
    const close = varintBytes(BigInt((number + (random.below(6) === 0 ? 1 : 0)) * 8 + 4));
    const inside = random.below(2) === 0 ? utf8() : Buffer.concat(encodeNode(node));
    const closes = depth - (random.below(6) === 0 ? 1 : 0);
    const whole = Buffer.concat([
      ...Array.from({ length: depth }, () => open),
      inside,
      ...Array.from({ length: closes }, () => close),
    ]);
    siblings.splice(random.below(siblings.length + 1), 0, { ...node, whole });
  },
  "end of a group": ({ random, node, siblings }) => {
    const whole = varintBytes(BigInt(pick(random, [node.number, 17]) * 8 + 4));
    siblings.splice(random.below(siblings.length + 1), 0, { ...node, whole });
  },
  "deep value": ({ random, node }) => {
    if (!isBytes(node)) return;
    const isValue = node.field.message === "anyValue";
    setBody(node, deepValue(random, isValue ? pick(random, [30, 31, 32, 33, 34, 90]) : 3));
  },
  "other size": ({ random, node }) => {
    if (!isBytes(node)) return;
    const size = pick(random, [0, 1, 7, 8, 9, 15, 16, 17, 32, 127, 128, 300]);
    setBody(node, pick(random, [new Uint8Array(size), new Uint8Array(size).fill(0x41)]));
  },
  "a large value": ({ random, node }) => {
    if (!isBytes(node) || random.below(8) !== 0) return;
    setBody(node, new Uint8Array(pick(random, [4096, 16_383, 16_384, 65_536])).fill(0x41));
  },
  "text that is not UTF-8": ({ random, node }) => {
    if (!isBytes(node)) return;
    const before = new Uint8Array(random.below(40)).fill(0x61);
    const after = new Uint8Array(random.below(2) * random.below(40)).fill(0x62);
    setBody(node, Buffer.concat([before, pick(random, BAD_TEXTS), after]));
  },
  "random bytes": ({ random, node }) => {
    if (isBytes(node)) setBody(node, random.bytes(random.below(40)));
  },
  "truncated value": ({ random, node }) => {
    if (typeof node.value === "bigint") return;
    const body = bodyOf(node);
    setBody(node, body.subarray(0, random.below(body.length + 1)));
  },
  "a bit flipped": ({ random, node }) => {
    const whole = Buffer.concat(encodeNode(node));
    if (whole.length === 0) return;
    whole[random.below(Math.min(whole.length, 12))] ^= 1 << random.below(8);
    node.whole = whole;
  },
  "twice, the same": ({ random, node, siblings }) => {
    siblings.splice(random.below(siblings.length + 1), 0, { ...node });
  },
  "twice, with another value": ({ random, node, siblings }) => {
    const copy = { ...node };
    if (typeof node.value === "bigint") copy.value = BigInt(random.below(200));
    else if (node.field.wire === "bytes") {
      setBody(copy, new Uint8Array(pick(random, [0, 1, 5, 8, 16, 20, 130])).fill(0x42));
    }
    siblings.splice(random.below(siblings.length + 1), 0, copy);
  },
  "many times": ({ random, node, siblings }) => {
    const count = pick(random, [3, 20, 150]);
    siblings.push(...Array.from({ length: count }, () => ({ ...node })));
  },
  "left out": ({ node, siblings }) => {
    siblings.splice(siblings.indexOf(node), 1);
  },
  "moved to the end": ({ node, siblings }) => {
    siblings.splice(siblings.indexOf(node), 1);
    siblings.push(node);
  },
};

const NAMES = Object.keys(MUTATIONS);

function deepValue(random: Prng, depth: number): Uint8Array {
  let value = Buffer.from([0x0a, 1, 0x41]);
  for (let i = 0; i < depth; i++) {
    // AnyValue { array_value { values } } or AnyValue { kvlist_value { KeyValue { value } } }
    const isArray = random.below(2) === 0;
    const inner = isArray ? value : lengthPrefixed(0x12, value);
    value = lengthPrefixed(isArray ? 0x2a : 0x32, lengthPrefixed(0x0a, inner));
  }
  return value;
}

function lengthPrefixed(tag: number, body: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.concat([utf8(tag), varintBytes(BigInt(body.length)), body]);
}

/** One mutant of a valid request: one to three changes, seldom the end cut off besides. */
export function mutate(random: Prng, valid: Uint8Array): Mutant {
  const tree = treeOf(valid);
  const changes: string[] = [];
  const paths: string[] = [];
  const count = [1, 1, 1, 2, 2, 3][random.below(6)];
  for (let i = 0; i < count; i++) {
    const places = Map.groupBy(walk(tree), ({ node }) => node.path);
    if (places.size === 0) break;
    const path = pick(random, [...places.keys()]);
    const place = pick(random, places.get(path) ?? []);
    const name = pick(random, NAMES);
    MUTATIONS[name]({ random, ...place });
    changes.push(`${path}: ${name}`);
    paths.push(path);
  }
  const bytes = encodeTree(tree);
  if (random.below(20) !== 0) return { bytes, changes, paths };
  changes.push("request: truncated");
  return { bytes: bytes.slice(0, random.below(bytes.length + 1)), changes, paths };
}
