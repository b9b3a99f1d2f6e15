/**
 * Gives a server span that shares its id with a client span, as Zipkin's tracers have it, an id of
 * its own: the client becomes its parent, and the children of the shared id become its children.
 *
 * Ids are eight bytes and are changed where they lie; only a server span without a parent grows,
 * and the lengths around it with it. A trace without shared ids is handed back as it is, after a
 * walk over its tags. Several walks and tables of ids instead of an object a span: a trace may
 * have a million.
 */
import { freeBytes } from "../base/free-bytes.ts";
import { IdTable } from "./id-table.ts";
import { ProtoCursor, putVarint, varintBytes, WIRE_BYTES } from "./proto-cursor.ts";
import { DOWN_TAGS, ID_BYTES, SpanWalk } from "./span-walk.ts";

const KIND_SERVER = 2;
const KIND_CLIENT = 3;
/** The field that is added to a span: tag, length, id. */
const PARENT_TAG = (4 << 3) | WIRE_BYTES;
const PARENT_BYTES = 2 + ID_BYTES;

export function splitSharedSpanIds(trace: Uint8Array): Uint8Array {
  const ids = new SharedIds(trace);
  if (!ids.areShared) return trace;
  const changed = trace.slice();
  const grown = ids.rename(changed);
  return grown.length === 0 ? changed : new Growth(changed, grown).whole();
}

/** In the table of clients: its id is shared by no server so far. */
const NOT_SHARED = 0xffff_ffff;

class SharedIds {
  readonly #trace: Uint8Array;
  readonly #view: DataView;
  /** Ids of clients, with the last new id of a server that has the same one. */
  readonly #clients = new IdTable();
  #spans = 0;
  #shared = 0;

  constructor(trace: Uint8Array) {
    this.#trace = trace;
    this.#view = new DataView(trace.buffer, trace.byteOffset, trace.byteLength);
    let servers = 0;
    for (const walk = new SpanWalk(trace); walk.next(); this.#spans++) {
      if (walk.idAt < 0) continue;
      if (walk.kind === KIND_SERVER) servers++;
      if (walk.kind === KIND_CLIENT) this.#note(walk.idAt, NOT_SHARED);
    }
    if (servers === 0 || this.#clients.count === 0) return;
    for (const walk = new SpanWalk(trace); walk.next(); ) if (this.#isShared(walk)) this.#shared++;
  }

  get areShared(): boolean {
    return this.#shared > 0;
  }

  /**
   * Writes new ids and parents into a copy of the trace. Where a span has no room for its parent
   * returns, in order: the span's end, and the two halves of the parent's id.
   */
  rename(copy: Uint8Array): number[] {
    // The parent of a span may be renamed behind it.
    const used = this.#smallIds();
    let next = nextFree(used, 0);
    for (const walk = new SpanWalk(this.#trace); walk.next(); ) {
      if (!this.#isShared(walk)) continue;
      this.#note(walk.idAt, next);
      next = nextFree(used, next);
    }
    const grown: number[] = [];
    const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
    next = nextFree(used, 0);
    for (const walk = new SpanWalk(this.#trace); walk.next(); ) {
      let own = 0;
      if (this.#isShared(walk)) {
        own = next;
        next = nextFree(used, next);
        view.setBigUint64(walk.idAt, BigInt(own));
      } else if (walk.parentAt < 0) continue;
      const parentAt = own > 0 ? walk.idAt : walk.parentAt;
      const moved = this.#noted(parentAt);
      const isMoved = moved !== 0 && moved !== NOT_SHARED && !this.#isOwn(walk, own, moved);
      const high = isMoved ? 0 : this.#view.getUint32(parentAt);
      const low = isMoved ? moved : this.#view.getUint32(parentAt + 4);
      if (walk.parentAt >= 0) {
        view.setUint32(walk.parentAt, high);
        view.setUint32(walk.parentAt + 4, low);
      } else grown.push(walk.end, high, low);
    }
    return grown;
  }

  /** Whether `moved` is the span's own id, new or not: it cannot be its parent. */
  #isOwn(walk: SpanWalk, own: number, moved: number): boolean {
    if (own > 0) return own === moved;
    if (walk.idAt < 0) return false;
    return this.#view.getUint32(walk.idAt) === 0 && this.#view.getUint32(walk.idAt + 4) === moved;
  }

  #isShared({ kind, idAt }: SpanWalk): boolean {
    return kind === KIND_SERVER && idAt >= 0 && this.#noted(idAt) !== 0;
  }

  /** What is known of the client with the id that lies at `at`; 0 when there is none. */
  #noted(at: number): number {
    return this.#clients.get(this.#view.getUint32(at), this.#view.getUint32(at + 4));
  }

  #note(at: number, number: number): void {
    this.#clients.set(this.#view.getUint32(at), this.#view.getUint32(at + 4), number);
  }

  /** Which of the ids that rename() may come to are in use, a byte each. */
  #smallIds(): Uint8Array {
    const used = new Uint8Array(this.#spans + this.#shared + 2);
    for (const walk = new SpanWalk(this.#trace); walk.next(); ) {
      if (walk.idAt < 0) continue;
      const low = this.#view.getUint32(walk.idAt + 4);
      if (this.#view.getUint32(walk.idAt) === 0 && low < used.length) used[low] = 1;
    }
    return used;
  }
}

/** New ids count up from 1, past those in use. */
function nextFree(used: Uint8Array, from: number): number {
  let next = from + 1;
  while (used[next] === 1) next++;
  return next;
}

/** Of an entry of `grown`: the span's end, and the parent's id in two halves. */
const GROWN_NUMBERS = 3;

/**
 * A trace with parent ids added at the ends of some spans. One walk finds what the messages will
 * take, the next one writes them: the trace lies at the end of the target and moves to its front,
 * which it never overtakes.
 */
class Growth {
  readonly #target: Uint8Array;
  readonly #view: DataView;
  readonly #grown: readonly number[];
  /** On the old trace: where it was at first, then at the end of the target. */
  #cursor: ProtoCursor;
  /** New lengths of messages that grow, each before those inside of it. */
  readonly #lengths: number[] = [];
  #nextGrown = 0;
  #nextLength = 0;
  #to = 0;

  /** Nobody may need `trace` afterwards. */
  constructor(trace: Uint8Array, grown: readonly number[]) {
    this.#grown = grown;
    this.#cursor = new ProtoCursor(trace);
    const bytes = this.#measure(trace.length, 0);
    this.#target = new Uint8Array(bytes);
    this.#target.set(trace, bytes - trace.length);
    this.#view = new DataView(this.#target.buffer);
    this.#cursor = new ProtoCursor(this.#target.subarray(bytes - trace.length));
    freeBytes(trace);
  }

  whole(): Uint8Array {
    const { length } = this.#cursor.bytes;
    this.#nextGrown = 0;
    this.#write(length, 0, this.#target.length - length);
    return this.#target;
  }

  /** What the message from the cursor to `end` will take. */
  #measure(end: number, level: number): number {
    const cursor = this.#cursor;
    let bytes = end - cursor.at;
    while (cursor.at < end && this.#grows(end)) {
      const innerEnd = this.#inner(end, level);
      if (innerEnd < 0) continue;
      const length = innerEnd - cursor.at;
      const place = this.#lengths.push(0) - 1;
      let grown = length + PARENT_BYTES;
      if (level === DOWN_TAGS.length - 1) this.#nextGrown += GROWN_NUMBERS;
      else grown = this.#measure(innerEnd, level + 1);
      this.#lengths[place] = grown;
      bytes += grown + varintBytes(grown) - length - varintBytes(length);
      cursor.at = innerEnd;
    }
    cursor.at = end;
    return bytes;
  }

  /** Copies the message from the cursor to `end`; `offset` is where the old trace lies. */
  #write(end: number, level: number, offset: number): void {
    const cursor = this.#cursor;
    let copied = cursor.at;
    while (cursor.at < end && this.#grows(end)) {
      const tagAt = cursor.at;
      const innerEnd = this.#inner(end, level);
      if (innerEnd < 0) continue;
      const from = cursor.at;
      // Tags of one byte.
      this.#copy(offset, copied, tagAt + 1);
      const length = this.#lengths[this.#nextLength++];
      this.#to = putVarint(this.#target, this.#to, length);
      cursor.at = from;
      if (level === DOWN_TAGS.length - 1) this.#span(offset, innerEnd);
      else this.#write(innerEnd, level + 1, offset);
      cursor.at = innerEnd;
      copied = innerEnd;
    }
    this.#copy(offset, copied, end);
    cursor.at = end;
  }

  #span(offset: number, end: number): void {
    this.#copy(offset, this.#cursor.at, end);
    const at = this.#nextGrown;
    this.#nextGrown += GROWN_NUMBERS;
    this.#target[this.#to] = PARENT_TAG;
    this.#target[this.#to + 1] = ID_BYTES;
    this.#view.setUint32(this.#to + 2, this.#grown[at + 1]);
    this.#view.setUint32(this.#to + 6, this.#grown[at + 2]);
    this.#to += PARENT_BYTES;
  }

  /** Reads a field; where it ends when it is a message of the next level that grows, else -1. */
  #inner(end: number, level: number): number {
    const cursor = this.#cursor;
    const tag = cursor.tag(end);
    cursor.skip(tag & 7, end);
    if (tag !== DOWN_TAGS[level] || !this.#grows(cursor.at)) return -1;
    const innerEnd = cursor.at;
    cursor.at = innerEnd - cursor.low;
    return innerEnd;
  }

  /** Whether the next span that grows ends at or before `end`. */
  #grows(end: number): boolean {
    return this.#nextGrown < this.#grown.length && this.#grown[this.#nextGrown] <= end;
  }

  #copy(offset: number, from: number, to: number): void {
    this.#target.copyWithin(this.#to, offset + from, offset + to);
    this.#to += to - from;
  }
}
