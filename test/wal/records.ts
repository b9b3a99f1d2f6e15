/** Records as a producer leaves them, and a log read back whole. */

import type { Clock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/log.ts";
import { prng } from "../../src/base/prng.ts";
import type { WalDisk } from "../../src/wal/wal-file.ts";
import { payloadOffset, recordBytes, writeRequestFields } from "../../src/wal/wal-format.ts";
import type { WalCovered } from "../../src/wal/wal-reader.ts";
import { WalReplay, type WalTail } from "../../src/wal/wal-replay.ts";
import { WalWriter, type WalWriterOptions } from "../../src/wal/wal-writer.ts";

export const clock: Clock = { nowMs: () => 1_700_000_000_000 };
const ignore = () => undefined;
export const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** In shared memory, as in a ring. */
export function record(tenant: string, payload: Uint8Array, receivedMs = 1234.5): Uint8Array {
  const name = new TextEncoder().encode(tenant);
  const size = recordBytes(name.byteLength, payload.byteLength);
  const memory = new SharedArrayBuffer(size + 64);
  const bytes = new Uint8Array(memory, 64, size);
  const fields = { receivedMs, payloadBytes: payload.byteLength, tenantBytes: name.byteLength };
  writeRequestFields(new DataView(memory), 64, fields);
  bytes.set(name, 40);
  bytes.set(payload, payloadOffset(name.byteLength));
  return bytes;
}

/** A payload that says which one it is, and of which every byte depends on that. */
export function payloadOf(id: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(4 + bytes);
  payload.set(prng(id).bytes(bytes), 4);
  new DataView(payload.buffer).setUint32(0, id, true);
  return payload;
}

export function idOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
}

export interface Read {
  readonly position: number;
  readonly end: number;
  readonly receivedMs: number;
  readonly tenant: string;
  readonly payload: Uint8Array;
}

export interface Replayed {
  readonly records: Read[];
  readonly replay: WalReplay;
  readonly tail: WalTail;
}

export const WINDOW_BYTES = 128 * 1024;

export function replayAll(
  disk: WalDisk,
  covered: WalCovered = () => false,
  window: Uint8Array = new Uint8Array(WINDOW_BYTES),
): Replayed {
  const replay = new WalReplay({ disk, window, covered, logger: silent });
  const records: Read[] = [];
  for (let read = replay.next(); read; read = replay.next()) {
    const { position, end, receivedMs } = read;
    const tenant = new TextDecoder().decode(read.tenant);
    records.push({ position, end, receivedMs, tenant, payload: new Uint8Array(read.payload) });
  }
  return { records, replay, tail: replay.finish() };
}

export function ids(replayed: Replayed): number[] {
  return replayed.records.map((read) => idOf(read.payload));
}

export function writerOf(options: Partial<WalWriterOptions> & { disk: WalDisk; tail: WalTail }) {
  return new WalWriter({ clock, bytesMax: 2 ** 31, startAtLeast: 0, sparesMax: 0, ...options });
}
