/**
 * Sockets of clients whose requests were just refused. Who is refused comes again, mostly with a
 * body that nobody wants; the runtime would copy it out of the kernel, which is half of what a
 * refusal costs. So for a while these sockets are read here: the head, and of the body nothing,
 * as the kernel drops bytes without a copy (recv(2), MSG_TRUNC).
 *
 * The runtime does not read a socket that is paused, and does not tell of its bytes. So an epoll
 * of our own is asked, in every turn of the loop while something comes, else every millisecond,
 * which the thread waits in it where nothing else is under way. A socket on which nothing came for
 * a while, or whose request is wanted, is the runtime's again.
 *
 * Only where Linux and its C library are found; elsewhere, and with TLS, the runtime reads all.
 *
 * Threads: one ingress Worker.
 */
import { dlopen, ptr } from "bun:ffi";
import type { Logger } from "../base/log.ts";
import type { Http1Connection } from "./http1-connection.ts";

export interface HeldSocket {
  readonly fd: number;
  readonly connection: Http1Connection;
  pause(): unknown;
  resume(): unknown;
}

const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];
const SYMBOLS = {
  // Never more than DROP_BYTES, so an int is enough.
  recv: { args: ["int", "ptr", "usize", "int"], returns: "int" },
  epoll_create1: { args: ["int"], returns: "int" },
  epoll_ctl: { args: ["int", "int", "int", "ptr"], returns: "int" },
  epoll_wait: { args: ["int", "ptr", "int", "int"], returns: "int" },
  close: { args: ["int"], returns: "int" },
} as const;

// As <sys/epoll.h> and <sys/socket.h> have them, on x86-64 and on arm64.
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
/** Events and data; the structure is packed on x86-64 alone. */
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const DATA_AT = EVENT_BYTES - 8;

const EVENTS_MAX = 64;
/** Of a head, at once, with a little of the body. */
const READ_BYTES = 4096;
/** Of a body, at once. */
const DROP_BYTES = 2 ** 30;
/** After the last request that was refused. */
const HOLD_MS = 1000;
/** For this long the runtime's own sockets may wait, where it is not busy. */
const POLL_MS = 1;

type Calls = ReturnType<typeof load>;

export class HeldSockets {
  readonly #calls: Calls;
  readonly #isBusy: () => boolean;
  readonly #epoll: number;
  readonly #held = new Map<number, { readonly one: HeldSocket; movedMs: number }>();
  readonly #event = new Uint8Array(EVENT_BYTES);
  readonly #events = new Uint8Array(EVENTS_MAX * EVENT_BYTES);
  readonly #eventsView = new DataView(this.#events.buffer);
  readonly #bytes = Buffer.alloc(READ_BYTES);
  readonly #next = () => this.#poll();
  #isPolling = false;
  #now = 0;
  #droppedBytes = 0;
  #sweptMs = 0;

  /** `isBusy`: the thread waits for something. Undefined: not on this system. */
  static open(logger: Logger, isBusy: () => boolean): HeldSockets | undefined {
    if (process.platform !== "linux") return undefined;
    try {
      return new HeldSockets(load(), isBusy);
    } catch (error) {
      logger.warn("bodies of refused requests are read as the C library was not loaded", {
        error: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  private constructor(calls: Calls, isBusy: () => boolean) {
    this.#calls = calls;
    this.#isBusy = isBusy;
    this.#epoll = calls.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw new Error("epoll_create1 failed");
  }

  /** In all, of bodies. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  get size(): number {
    return this.#held.size;
  }

  /** From now on its bytes are read here. */
  hold(one: HeldSocket): void {
    // The number is not in the runtime's types: one that has none is left alone.
    if (!Number.isInteger(one.fd) || this.#held.has(one.fd)) return;
    const view = new DataView(this.#event.buffer);
    view.setUint32(0, EPOLLIN, true);
    view.setInt32(DATA_AT, one.fd, true);
    if (this.#calls.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, one.fd, ptr(this.#event)) !== 0) return;
    one.pause();
    this.#held.set(one.fd, { one, movedMs: performance.now() });
    if (this.#isPolling) return;
    this.#isPolling = true;
    setImmediate(this.#next);
  }

  /** It is the runtime's again. */
  release(one: HeldSocket): void {
    if (!this.forget(one)) return;
    if (!one.connection.isPaused) one.resume();
  }

  /** It is closed. False: it was not held. */
  forget(one: HeldSocket): boolean {
    if (this.#held.get(one.fd)?.one !== one) return false;
    this.#held.delete(one.fd);
    // A socket that is closed has left by itself.
    this.#calls.epoll_ctl(this.#epoll, EPOLL_CTL_DEL, one.fd, ptr(this.#event));
    return true;
  }

  close(): void {
    for (const { one } of [...this.#held.values()]) this.release(one);
    this.#calls.close(this.#epoll);
  }

  #poll(): void {
    if (this.#held.size === 0) {
      this.#isPolling = false;
      return;
    }
    const began = performance.now();
    const waits = !this.#isBusy();
    let count = this.#turn(waits ? POLL_MS : 0);
    // A turn of the runtime's loop costs as much as a refusal: what comes meanwhile is read first.
    while (waits && count > 0 && this.#now - began < POLL_MS) count = this.#turn(POLL_MS);
    if (this.#now - this.#sweptMs > HOLD_MS) this.#sweep(this.#now);
    if (waits || count > 0) setImmediate(this.#next);
    else setTimeout(this.#next, POLL_MS);
  }

  /** Reads from whom something came. Returns of how many that is so. */
  #turn(waitMs: number): number {
    const count = this.#calls.epoll_wait(this.#epoll, ptr(this.#events), EVENTS_MAX, waitMs);
    this.#now = performance.now();
    for (let at = 0; at < count; at++) {
      const fd = this.#eventsView.getInt32(at * EVENT_BYTES + DATA_AT, true);
      const held = this.#held.get(fd);
      if (held === undefined) continue;
      held.movedMs = this.#now;
      if (!this.#read(held.one)) this.release(held.one);
    }
    return count;
  }

  #sweep(now: number): void {
    this.#sweptMs = now;
    for (const { one, movedMs } of [...this.#held.values()]) {
      if (now - movedMs > HOLD_MS) this.release(one);
    }
  }

  /** False: it is the runtime's to read on. */
  #read(one: HeldSocket): boolean {
    const { connection } = one;
    if (connection.unwanted > 0) return this.#drop(one);
    if (!connection.isIdle) return false;
    const flags = MSG_DONTWAIT;
    const got = this.#calls.recv(one.fd, ptr(this.#bytes), READ_BYTES, flags);
    // The end, an error, or nothing: the runtime finds out which.
    if (got <= 0) return false;
    const bytes = got === READ_BYTES ? this.#bytes : this.#bytes.subarray(0, got);
    connection.feed(bytes, false);
    return connection.unwanted > 0 ? this.#drop(one) : connection.isIdle;
  }

  #drop({ fd, connection }: HeldSocket): boolean {
    const flags = MSG_TRUNC | MSG_DONTWAIT;
    const got = this.#calls.recv(fd, null, Math.min(connection.unwanted, DROP_BYTES), flags);
    if (got > 0) {
      this.#droppedBytes += got;
      connection.dropped(got);
    }
    return got !== 0;
  }
}

function load() {
  for (const [at, name] of LIBRARIES.entries()) {
    try {
      return dlopen(name, SYMBOLS).symbols;
    } catch (error) {
      if (at === LIBRARIES.length - 1) throw error;
    }
  }
  throw new Error("no C library");
}
