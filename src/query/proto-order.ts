/**
 * The order of fields in a message. A reader that streams needs each field in one run; protobuf
 * lets an encoder repeat them anywhere and says what that means: repeated fields go on, the last
 * scalar wins, messages merge, of a oneof the last member wins.
 */
import type { ProtoField, ProtoShape } from "./otlp-shape.ts";
import { damaged, joined, ProtoCursor, putVarint, varintBytes } from "./proto-cursor.ts";

/** Whether every field from the cursor to `end` comes in one run, and only repeated ones twice. */
export function isInOrder(cursor: ProtoCursor, end: number, shape: ProtoShape): boolean {
  let seen = 0;
  let last: ProtoField | undefined;
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    const field = shape.fields[tag >>> 3];
    cursor.skip(tag & 7, end);
    if (field === undefined || (field === last && field.repeated)) continue;
    if ((seen & field.slot) !== 0) return false;
    seen |= field.slot;
    last = field;
  }
  return true;
}

interface Piece {
  readonly field: ProtoField;
  /** Tag and value. */
  readonly whole: Uint8Array;
  /** The value of a length-delimited field without its length. */
  readonly payload: Uint8Array;
}

/** The same message with each field in one run; what the shape does not know is left out. */
export function putInOrder(message: Uint8Array, shape: ProtoShape): Uint8Array {
  const bySlot = new Map<number, Piece[]>();
  for (const piece of pieces(message, shape)) {
    const together = bySlot.get(piece.field.slot);
    if (together === undefined) bySlot.set(piece.field.slot, [piece]);
    else together.push(piece);
  }
  return joined([...bySlot.values()].flatMap(settled));
}

function* pieces(message: Uint8Array, shape: ProtoShape): Generator<Piece> {
  const cursor = new ProtoCursor(message);
  while (cursor.at < message.length) {
    const start = cursor.at;
    const tag = cursor.tag(message.length);
    const field = shape.fields[tag >>> 3];
    cursor.skip(tag & 7, message.length);
    if (field === undefined) continue;
    if (field.wire !== (tag & 7)) throw damaged(`wire type of ${field.jsonName}`);
    const payloadBytes = field.kind === "message" ? cursor.low : 0;
    yield {
      field,
      whole: message.subarray(start, cursor.at),
      payload: message.subarray(cursor.at - payloadBytes, cursor.at),
    };
  }
}

/** What the pieces of one slot come to. */
function settled(run: readonly Piece[]): Uint8Array[] {
  const last = run[run.length - 1];
  if (last.field.repeated) return run.map((piece) => piece.whole);
  if (last.field.kind !== "message") return [last.whole];
  const from = run.findLastIndex((piece) => piece.field !== last.field) + 1;
  const payload = joined(run.slice(from).map((piece) => piece.payload));
  const head = new Uint8Array(1 + varintBytes(payload.length));
  head[0] = (last.field.number << 3) | last.field.wire;
  putVarint(head, 1, payload.length);
  return [head, payload];
}
