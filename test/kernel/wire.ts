/** Protobuf bytes by hand, right and wrong, for tests of the validator. */
import type { Prng } from "../../src/base/prng.ts";

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

export function tag(field: number, wire: number): Uint8Array {
  return varint(field * 8 + wire);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A length-delimited field; `claimed` more bytes than there are. */
export function field(number: number, payload: Uint8Array, claimed = 0): Uint8Array {
  return join(tag(number, BYTES), varint(payload.length + claimed), payload);
}

/** A well-formed field of any wire type. */
export function anyField(number: number, wire: number): Uint8Array {
  const payloads: Record<number, Uint8Array> = {
    [VARINT]: varint(1),
    [FIXED64]: new Uint8Array(8),
    [BYTES]: varint(0),
    [FIXED32]: new Uint8Array(4),
    3: tag(number, 4),
  };
  return join(tag(number, wire), payloads[wire] ?? new Uint8Array());
}

interface Parsed {
  readonly from: number;
  readonly tagEnd: number;
  readonly payload: number;
  readonly end: number;
  readonly wire: number;
}

/** The fields of a message, or undefined when it is none. */
function fieldsOf(bytes: Uint8Array): Parsed[] | undefined {
  const fields: Parsed[] = [];
  let at = 0;
  const number = () => {
    let value = 0;
    for (let unit = 1; at < bytes.length; unit *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * unit;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const from = at;
    const first = number();
    const wire = first % 8;
    if (first < 8) return undefined;
    const tagEnd = at;
    let payload = at;
    if (wire === VARINT) number();
    else if (wire === BYTES) {
      const length = number();
      payload = at;
      at += length;
    } else if (wire === FIXED64) at += 8;
    else if (wire === FIXED32) at += 4;
    else return undefined;
    if (at > bytes.length) return undefined;
    fields.push({ from, tagEnd, payload, end: at, wire });
  }
  return fields;
}

/** Changes one field somewhere, and mostly keeps the lengths around it right. */
export function mutated(bytes: Uint8Array, random: Prng): Uint8Array {
  const fields = fieldsOf(bytes);
  if (fields === undefined || fields.length === 0) return damaged(bytes, random);
  const chosen = fields[random.below(fields.length)];
  const { from, tagEnd, payload, end, wire } = chosen;
  const itsTag = bytes.subarray(from, tagEnd);
  const replace = (part: Uint8Array) => join(bytes.subarray(0, from), part, bytes.subarray(end));
  const whole = bytes.subarray(from, end);
  if (wire === BYTES && random.below(6) > 0) {
    const inner = mutated(bytes.subarray(payload, end), random);
    const wrong = random.below(40) === 0 ? random.below(5) - 2 : 0;
    const length = varint(Math.max(0, inner.length + wrong));
    return replace(join(itsTag, length, inner));
  }
  const unknown = [VARINT, FIXED64, BYTES, 3, FIXED32][random.below(5)];
  const choices: (() => Uint8Array)[] = [
    () => replace(new Uint8Array()),
    () => replace(join(whole, whole)),
    () => replace(join(anyField(100 + random.below(1000), unknown), whole)),
    () => replace(join(itsTag, overlong(random))),
    () => replace(join(anyField(1 + random.below(17), random.below(8)), whole)),
    () => damaged(bytes, random),
  ];
  return choices[random.below(choices.length)]();
}

/** A number written in more bytes than it takes, up to eleven. */
function overlong(random: Prng): Uint8Array {
  const length = random.below(11);
  const last = random.below(3);
  return Uint8Array.from({ length: length + 1 }, (_, i) => (i < length ? 0x80 : last));
}

function damaged(bytes: Uint8Array, random: Prng): Uint8Array {
  if (bytes.length === 0) return random.bytes(random.below(4));
  const at = random.below(bytes.length);
  const copy = bytes.slice();
  copy[at] = random.below(256);
  if (random.below(4) > 0) return copy;
  return random.below(2) === 0 ? copy.subarray(0, at) : join(copy.subarray(0, at), copy);
}
