/**
 * What a kind of receiver is in the file: the block whose presence opens one, its settings, and
 * how a receiver is made of them. One file for each kind beside this one; all of them stand in
 * receiver-types.ts.
 */
import type { Receiver } from "../config.ts";
import type { Setting } from "../table/key.ts";

export interface ReceiverType<R extends Receiver> {
  readonly kind: R["kind"];
  /** The key below `distributor.receivers`, which may be followed by a slash and a name. */
  readonly type: string;
  /** From an instance to the block that opens it, `protocols.http`; empty: the instance itself. */
  readonly below: string;
  /** Ports of different transports do not collide. */
  readonly transport: "tcp" | "udp";
  /** Opens when the file has no word about receivers. */
  readonly byDefault: boolean;
  /** Their paths are relative to the block; the first one is the endpoint. */
  readonly settings: readonly Setting<unknown, R>[];
  /** The path of the one that is requestBytesMax. */
  readonly sizePath: string;
  make(name: string, at: ReadSetting): R;
  /** For the message at the start: "OTLP/HTTP, POST /v1/traces". */
  serves(receiver: R): string;
}

/** The value that the file gives a setting of this receiver, or the setting's own. */
export type ReadSetting = <T>(setting: Setting<T, never>) => T;
