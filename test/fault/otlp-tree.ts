/**
 * A request taken apart into fields that can be disfigured one by one and put together again:
 * lengths of what lies around a disfigured field are right unless they are disfigured themselves.
 */
import { type Field, type MessageName, SCHEMA, type Wire } from "./otlp-schema.ts";

export interface Node {
  /** Where the field stands, "span.attributes.key"; the same for all its occurrences. */
  readonly path: string;
  readonly field: Field;
  number: number;
  wireType: number;
  /** A varint's value, or the bytes of a leaf; messages have children instead. */
  value: bigint | Uint8Array;
  children: Node[] | undefined;
  /** Bytes in place of the canonical ones of the tag, of the length, of the whole field. */
  tag?: Uint8Array;
  length?: Uint8Array;
  whole?: Uint8Array;
  /** Bytes behind the children, within the field's length. */
  trailing?: Uint8Array;
}

/** Messages whose fields have a path of their own, however deep they stand. */
const ROOTS: readonly MessageName[] = [
  ...(["resourceSpans", "resource", "scopeSpans", "scope"] as const),
  ...(["span", "event", "link", "status"] as const),
];

/** The fields of a valid request in canonical form. */
export function treeOf(bytes: Uint8Array): Node[] {
  return childrenOf(bytes, "request", "request");
}

function childrenOf(bytes: Uint8Array, message: MessageName, path: string): Node[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nodes: Node[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(view.getUint8(at++));
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    at += length;
    if (at > bytes.length) throw new Error("test: request is not valid");
    return bytes.subarray(at - length, at);
  };
  const leaf = (wireType: number): bigint | Uint8Array => {
    if (wireType === 0) return varint();
    if (wireType === 1) return take(8);
    return wireType === 5 ? take(4) : take(Number(varint()));
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    const number = tag >>> 3;
    const value = leaf(wireType);
    const field = SCHEMA[message][number] ?? { name: `field ${number}`, wire: wireOf(wireType) };
    const own = `${path}.${field.name}`;
    const node: Node = { path: own, field, number, wireType, value, children: undefined };
    if (field.message !== undefined && value instanceof Uint8Array) {
      node.children = childrenOf(value, field.message, pathInside(field.message, own));
    }
    nodes.push(node);
  }
  return nodes;
}

function pathInside(message: MessageName, own: string): string {
  if (ROOTS.includes(message)) return message;
  return message === "array" || message === "kvlist" ? message : own;
}

function wireOf(wireType: number): Wire {
  if (wireType === 0) return "varint";
  if (wireType === 1) return "fixed64";
  return wireType === 5 ? "fixed32" : "bytes";
}

export function encodeTree(nodes: readonly Node[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(nodes.flatMap(encodeNode)));
}

export function encodeNode(node: Node): Uint8Array[] {
  if (node.whole !== undefined) return [node.whole];
  const tag = node.tag ?? varintBytes(BigInt(node.number) * 8n + BigInt(node.wireType));
  if (typeof node.value === "bigint") return [tag, node.length ?? varintBytes(node.value)];
  const body = node.children === undefined ? [node.value] : node.children.flatMap(encodeNode);
  if (node.trailing !== undefined) body.push(node.trailing);
  if (node.field.wire !== "bytes") return [tag, ...body];
  const bytes = body.reduce((sum, part) => sum + part.length, 0);
  return [tag, node.length ?? varintBytes(BigInt(bytes)), ...body];
}

/** `padding` more bytes than needed, which decoders accept as long as there are ten at most. */
export function varintBytes(value: bigint, padding = 0): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  for (let i = 0; i < padding && bytes.length < 10; i++) {
    bytes[bytes.length - 1] |= 128;
    bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

/** Every node with its siblings, outermost first. */
export function* walk(nodes: Node[]): Generator<{ node: Node; siblings: Node[] }> {
  for (const node of nodes) {
    yield { node, siblings: nodes };
    if (node.children !== undefined && node.whole === undefined) yield* walk(node.children);
  }
}
