/** One call from its headers to its trailers. Whatever comes, it ends once. */
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { ClientGone } from "../base/deadline.ts";
import type { Logger } from "../base/log.ts";
import { acceptedEncodings, decodeMessage, gzipAlone } from "./grpc-encoding.ts";
import { GrpcRequestReader, grpcFrame } from "./grpc-frame.ts";
import type { GrpcMethod, GrpcMethods } from "./grpc-method.ts";
import {
  GRPC_OK,
  GrpcError,
  type GrpcStatus,
  grpcStatus,
  isInternal,
  parseGrpcTimeout,
  statusHeaders,
} from "./grpc-status.ts";
import { writeOn } from "./stream-write.ts";

export interface ServedCallOptions {
  readonly methods: GrpcMethods;
  readonly messageBytesMax: number;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  /** Once; `wasReset`: the client did not wait for the end. */
  readonly onEnd: (status: GrpcStatus, wasReset: boolean) => void;
}

const ANSWER_HEADERS: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": acceptedEncodings(gzipAlone),
};
const UNSUPPORTED_MEDIA_TYPE = 415;

/** Everything else is HTTP alone. */
export function isGrpcCall(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"] ?? "";
  return headers[":method"] === "POST" && /^application\/grpc(?:$|[+;])/.test(type);
}

export class ServedCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #options: ServedCallOptions;
  readonly #gone = new AbortController();
  /** Of the answer; undefined while there is none. */
  #status: GrpcStatus | undefined;
  #hasEnded = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: ServedCallOptions) {
    this.#stream = stream;
    this.#headers = headers;
    this.#options = options;
  }

  serve(): void {
    const stream = this.#stream;
    // What it says is also said by its close.
    stream.on("error", () => undefined);
    stream.on("close", () => this.#closed());
    stream.on("aborted", () => this.gone());
    if (!isGrpcCall(this.#headers)) {
      stream.respond({ ":status": UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
      this.#status = { code: 3, message: "not a call of gRPC" };
      return;
    }
    void this.#answer();
  }

  /** The client will not read any more. */
  gone(): void {
    this.#gone.abort(new ClientGone("context canceled"));
  }

  async #answer(): Promise<void> {
    try {
      const method = this.#method();
      const timeoutMs = parseGrpcTimeout(this.#header("grpc-timeout"));
      const message = await this.#request();
      await method({
        header: (name) => this.#header(name),
        message,
        timeoutMs,
        signal: this.#gone.signal,
        stopping: this.#options.stopping,
        send: (parts) => this.#send(parts),
      });
      this.#end(GRPC_OK);
    } catch (error) {
      if (isInternal(error)) {
        this.#options.logger.error("call failed", { path: this.#path, error: String(error) });
      }
      this.#end(grpcStatus(error));
    }
  }

  get #path(): string {
    return this.#headers[":path"] ?? "";
  }

  #header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** In grpc-go's words. */
  #method(): GrpcMethod {
    const method = this.#options.methods.get(this.#path);
    if (method !== undefined) return method;
    const [, service = "", name = ""] = this.#path.split("/");
    const isKnown = [...this.#options.methods.keys()].some((path) =>
      path.startsWith(`/${service}/`),
    );
    const message = isKnown
      ? `unknown method ${name} for service ${service}`
      : `unknown service ${service}`;
    throw new GrpcError("unimplemented", message);
  }

  async #request(): Promise<Uint8Array> {
    const { messageBytesMax: bytesMax, readTimeoutMs } = this.#options;
    const reader = new GrpcRequestReader(bytesMax);
    const stream = this.#stream;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => reject(new GrpcError("deadlineExceeded", "the request does not come"));
    const timer = readTimeoutMs === 0 ? undefined : setTimeout(late, readTimeoutMs);
    stream.on("data", (piece: Buffer) => {
      try {
        reader.push(piece);
      } catch (error) {
        reject(error);
      }
    });
    stream.on("end", resolve);
    this.#gone.signal.addEventListener("abort", () => reject(this.#gone.signal.reason));
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      stream.removeAllListeners("data");
    }
    const encoding = this.#header("grpc-encoding");
    return decodeMessage(reader.end(), { encoding, decoders: gzipAlone, bytesMax });
  }

  async #send(parts: readonly Uint8Array[]): Promise<void> {
    this.#gone.signal.throwIfAborted();
    const stream = this.#stream;
    if (!stream.headersSent) this.#respond();
    const { signal } = this.#gone;
    const timeoutMs = this.#options.writeTimeoutMs;
    await writeOn(stream, grpcFrame(parts), { signal, timeoutMs });
  }

  #respond(): void {
    const stream = this.#stream;
    stream.on("wantTrailers", () => {
      if (!stream.destroyed) stream.sendTrailers(statusHeaders(this.#status ?? GRPC_OK));
    });
    stream.respond(ANSWER_HEADERS, { waitForTrailers: true });
  }

  #end(status: GrpcStatus): void {
    const stream = this.#stream;
    this.#status = status;
    if (stream.destroyed || stream.closed) return;
    if (stream.headersSent) stream.end();
    else stream.respond({ ...ANSWER_HEADERS, ...statusHeaders(status) }, { endStream: true });
    // The rest of a request that nobody waits for.
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #closed(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const wasReset = this.#status === undefined;
    this.gone();
    const status = this.#status ?? { code: 1, message: "context canceled" };
    this.#options.onEnd(status, wasReset);
  }
}
