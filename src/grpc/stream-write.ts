/** Bytes onto a stream of HTTP/2, at the pace of the client. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { GrpcError } from "./grpc-status.ts";

export interface WriteOptions {
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** For the client to read on; 0: no limit. */
  readonly timeoutMs: number;
}

/** Resolves when the client can take more; rejects when it never will. */
export async function writeOn(
  stream: ServerHttp2Stream,
  bytes: Uint8Array,
  { signal, timeoutMs }: WriteOptions,
): Promise<void> {
  signal.throwIfAborted();
  if (stream.write(bytes)) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = () => {
    reject(new GrpcError("deadlineExceeded", "the client does not read on"));
    stream.close(constants.NGHTTP2_CANCEL);
  };
  const timer = timeoutMs === 0 ? undefined : setTimeout(late, timeoutMs);
  const gone = () => reject(signal.reason);
  stream.once("drain", resolve);
  signal.addEventListener("abort", gone, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    stream.off("drain", resolve);
    signal.removeEventListener("abort", gone);
  }
}
