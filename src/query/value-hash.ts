/**
 * 64 bits of a value, as two words: equal for values that are one label, whatever dictionary or
 * segment they are from; others share them as good as never.
 */
import type { Dictionary } from "../vector/vector.ts";
import type { FieldCodes } from "./field-codes.ts";
import { labelKey } from "./numbered-values.ts";
import type { Value } from "./question.ts";

/** Two words a code, both 0 for values that are nil. */
export type CodeHashes = Uint32Array;

const encoder = new TextEncoder();
/** While a dictionary is kept, so are they: hashing texts costs more than all else. */
const known = new WeakMap<Dictionary, CodeHashes>();

export function codeHashes(codes: FieldCodes): CodeHashes {
  const { dictionary } = codes;
  // What a code is without a dictionary, and code 0, may differ from one question to the next.
  const held = dictionary === undefined ? undefined : known.get(dictionary);
  if (held !== undefined && held.length === codes.size * 2) {
    setHash(held, 0, codes.value(0));
    return held;
  }
  const hashes = new Uint32Array(codes.size * 2);
  const isOfTexts = codes.size > 1 && codes.value(1).type === "string";
  for (let code = 0; code < codes.size; code++) {
    const bytes = code > 0 && isOfTexts ? dictionary?.bytes?.(code - 1) : undefined;
    if (bytes === undefined) setHash(hashes, code, codes.value(code));
    else setBytes(hashes, code, { bytes, tag: TEXT });
  }
  if (dictionary !== undefined) known.set(dictionary, hashes);
  return hashes;
}

/** Of one value; not for nil. */
export function valueHash(value: Value): readonly [high: number, low: number] {
  const hashes = new Uint32Array(2);
  setHash(hashes, 0, value);
  return [hashes[0], hashes[1]];
}

const TEXT = 1;
const OTHER = 2;

function setHash(hashes: CodeHashes, code: number, value: Value): void {
  if (value.type === "nil") {
    hashes[code * 2] = 0;
    hashes[code * 2 + 1] = 0;
  } else if (value.type === "string") {
    setBytes(hashes, code, { bytes: encoder.encode(value.value), tag: TEXT });
  } else setBytes(hashes, code, { bytes: encoder.encode(labelKey(value)), tag: OTHER });
}

/** Two multiplications a byte; both results are mixed again at the end. */
function setBytes(
  hashes: CodeHashes,
  code: number,
  { bytes, tag }: { readonly bytes: Uint8Array; readonly tag: number },
): void {
  let a = 0x811c9dc5 ^ tag;
  let b = 0x9e3779b9 ^ bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i], 0x01000193);
    b = Math.imul(b ^ bytes[i], 0x85ebca6b) ^ (b >>> 13);
  }
  a = Math.imul(a ^ (a >>> 16) ^ b, 0x7feb352d);
  b = Math.imul(b ^ (b >>> 15) ^ a, 0x846ca68b);
  hashes[code * 2] = a ^ (a >>> 15);
  // Never nil's.
  hashes[code * 2 + 1] = (b ^ (b >>> 16)) | 1;
}
