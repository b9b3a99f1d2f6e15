/**
 * One call: its headers are checked, its message is gathered within bounds, a method answers it.
 *
 *   receiving ─▶ answering ─▶ over
 *       └───────────────────────┘   refused, or the client has gone
 *
 * What can be refused is refused before it is read: at the headers, or at the five bytes before
 * the message, which say its length. The stream is then closed, and what the client still sends
 * is dropped where it comes in.
 *
 * Invariants:
 * (1) The bytes in flight are released exactly once: with a refusal, when the client goes while
 *     its message comes, or when the method has settled, whatever became of the stream.
 * (2) Nothing that a client does throws into the server's events.
 */
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { decodeMessage } from "../grpc/grpc-encoding.ts";
import { GrpcRequestReader } from "../grpc/grpc-frame.ts";
import { GrpcError, parseGrpcTimeout } from "../grpc/grpc-status.ts";
import type { Http2Stream, StreamReader } from "../http2/http2-stream.ts";
import type { RequestHead } from "../http2/request-head.ts";
import { parseTenant, TENANT_HEADER } from "../model/tenant.ts";
import { expandBody } from "./expand-body.ts";
import {
  answerMessage,
  answerNotGrpc,
  endMessages,
  isGrpc,
  reasonOf,
  refuseCall,
  sendMessage,
} from "./grpc-answer.ts";
import type { GrpcMethod, GrpcMethods, StreamingMethod, UnaryMethod } from "./grpc-method.ts";
import { type InFlight, OTLP_SHARE_MIN, type Reservation } from "./in-flight.ts";
import type { ReceiveMeter } from "./receive.ts";
import { overloaded } from "./refusal.ts";

export interface GrpcCallOptions {
  /** Of a message, compressed as well as decompressed. */
  readonly messageBytesMax: number;
  /** From a call's headers to the last byte of its message. */
  readonly receiveTimeoutMs: number;
  readonly multitenancyEnabled: boolean;
}

export interface GrpcCallParts {
  readonly methods: GrpcMethods;
  readonly inFlight: InFlight;
  readonly meter: Pick<ReceiveMeter, "refused">;
  readonly logger: Logger;
  /** Nothing would be taken now, however little it is. */
  readonly isFull: () => boolean;
}

export interface GrpcCallHost {
  readonly options: GrpcCallOptions;
  readonly parts: GrpcCallParts;
  /** Calls whose message has not come; the server ends those that are overdue. */
  readonly receiving: Set<GrpcCall>;
  /** Calls that stay open, to be ended when the server stops. */
  readonly streaming: Set<GrpcCall>;
  nowMs(): number;
}

/** What the Collector's server takes. */
const ENCODINGS = ["gzip", "zstd", "snappy"] as const;
/** Paths are shown in answers up to here. */
const SHOWN_LENGTH_MAX = 128;
/** A call that sends nothing holds nothing; then it holds this, and what came twice over. */
const FIRST_HOLD_BYTES = 16 * 1024;

export class GrpcCall implements StreamReader {
  readonly #stream: Http2Stream;
  readonly #host: GrpcCallHost;
  readonly #method: GrpcMethod;
  readonly #tenant: string;
  readonly #encoding: string | undefined;
  readonly #reader: GrpcRequestReader;
  readonly #reservation: Reservation;
  readonly dueMs: number;
  #held = 0;
  #state: "receiving" | "answering" | "over" = "receiving";
  #onGone: (() => void) | undefined;

  /** Answers the call, or refuses it; never throws. */
  static begin(stream: Http2Stream, head: RequestHead, host: GrpcCallHost): StreamReader {
    if (!isGrpc(head)) return notGrpc(stream);
    const { options, parts } = host;
    let tenant = "";
    try {
      const method = methodOf(head.path, parts.methods);
      if (method.kind === "unary" && method.hasTenant) tenant = tenantOf(head, options);
      // Nothing could be taken now, however little it is.
      const refused = tenant === "" ? undefined : refusalOf(tenant, parts);
      if (refused !== undefined) return refuse(stream, refused, { tenant, parts });
      return new GrpcCall(stream, head, { host, method, tenant });
    } catch (error) {
      return refuse(stream, error, { tenant, parts });
    }
  }

  private constructor(
    stream: Http2Stream,
    { fields }: RequestHead,
    { host, method, tenant }: { host: GrpcCallHost; method: GrpcMethod; tenant: string },
  ) {
    const { receiveTimeoutMs, messageBytesMax } = host.options;
    const timeoutMs = parseGrpcTimeout(fields.get("grpc-timeout")) ?? receiveTimeoutMs;
    this.dueMs = host.nowMs() + Math.min(timeoutMs, receiveTimeoutMs);
    this.#stream = stream;
    this.#host = host;
    this.#method = method;
    this.#tenant = tenant;
    this.#encoding = fields.get("grpc-encoding");
    this.#reader = new GrpcRequestReader(messageBytesMax);
    const isPlain = (this.#encoding ?? "identity") === "identity";
    const isOtlp = isPlain && method.kind === "unary" && method.isOtlp;
    this.#reservation = host.parts.inFlight.reserve(tenant, isOtlp ? 1 : OTLP_SHARE_MIN);
    host.receiving.add(this);
    stream.takeBody();
  }

  /** The time in which its message should have come is over. */
  expire(): void {
    this.#refuse(new EngineError("overloaded", "the message was not complete in time"));
  }

  /** Ends a call that would stay open. */
  stop(): void {
    if (this.#state === "over") return;
    this.#giveBack();
    const stopping = new EngineError("overloaded", "the server is stopping");
    endMessages(this.#stream, stopping, this.#host.parts.logger);
  }

  data(piece: Uint8Array): void {
    if (this.#state !== "receiving") return;
    try {
      const known = this.#reader.length;
      this.#reader.push(piece);
      const { length, received } = this.#reader;
      if (length === undefined) return;
      // Refused now if it may not come as a whole; held as it comes, so that those who promise
      // and do not send keep nobody out.
      const refused = known === undefined ? this.#reservation.refusal(length) : undefined;
      if (refused !== undefined) throw refused;
      if (received <= this.#held && known !== undefined) return;
      this.#held = Math.min(length, Math.max(FIRST_HOLD_BYTES, 2 * received));
      this.#reservation.hold(this.#held);
    } catch (error) {
      this.#refuse(error);
    }
  }

  end(): void {
    if (this.#state !== "receiving") return;
    this.#host.receiving.delete(this);
    this.#state = "answering";
    try {
      const message = this.#decode();
      if (this.#method.kind === "streaming") this.#open(this.#method, message);
      else void this.#answer(this.#method, message);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** What is in the message as its client had it. */
  #decode(): Uint8Array {
    const { isCompressed, bytes } = this.#reader.end();
    const encoding = this.#encoding;
    if (!isCompressed) return bytes;
    const decoders = new Map(
      ENCODINGS.map((contentEncoding) => [
        contentEncoding,
        (body: Uint8Array, bytesMax: number) =>
          expandBody(body, this.#reservation, { contentEncoding, bytesMax }),
      ]),
    );
    const bytesMax = this.#host.options.messageBytesMax;
    return decodeMessage({ isCompressed, bytes }, { encoding, decoders, bytesMax });
  }

  async #answer(method: UnaryMethod, message: Uint8Array): Promise<void> {
    const tenant = this.#tenant;
    const reservation = this.#reservation;
    try {
      const answer = await method.call({ tenant, message, reservation });
      this.#giveBack();
      answerMessage(this.#stream, answer);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #open(method: StreamingMethod, message: Uint8Array): void {
    this.#onGone = method.open(message, (answer) => sendMessage(this.#stream, answer));
    this.#host.streaming.add(this);
    // It may stay for days, and holds nothing.
    this.#reservation.release();
  }

  #refuse(error: unknown): void {
    if (this.#state === "over") return;
    this.#giveBack();
    const { meter, logger } = this.#host.parts;
    const counts = error instanceof EngineError ? error : undefined;
    meter.refused(this.#tenant, reasonOf(error), counts);
    refuseCall(this.#stream, error, logger);
  }

  closed(): void {
    if (this.#state === "receiving") {
      this.#host.parts.meter.refused(this.#tenant, "cancelled");
      this.#giveBack();
    } else if (this.#onGone !== undefined) this.#giveBack();
  }

  #giveBack(): void {
    this.#state = "over";
    this.#host.receiving.delete(this);
    if (this.#onGone === undefined) {
      this.#reservation.release();
      return;
    }
    this.#host.streaming.delete(this);
    this.#onGone();
  }
}

/** What comes of a call that was answered by its head. */
const IGNORED: StreamReader = { data: () => {}, end: () => {}, closed: () => {} };

/** When the client has said all, as the protocol asks for. */
function notGrpc(stream: Http2Stream): StreamReader {
  stream.takeBody();
  return { ...IGNORED, end: () => answerNotGrpc(stream) };
}

/** By its head: what the client still sends is dropped. */
function refuse(
  stream: Http2Stream,
  error: unknown,
  { tenant, parts }: { readonly tenant: string; readonly parts: GrpcCallParts },
): StreamReader {
  parts.meter.refused(tenant, reasonOf(error));
  refuseCall(stream, error, parts.logger);
  return IGNORED;
}

function refusalOf(tenant: string, { inFlight, isFull }: GrpcCallParts): EngineError | undefined {
  return isFull() ? overloaded() : inFlight.refusal(tenant, FIRST_HOLD_BYTES, 0);
}

function tenantOf({ fields }: RequestHead, { multitenancyEnabled }: GrpcCallOptions): string {
  return parseTenant(fields.get(TENANT_HEADER) ?? null, multitenancyEnabled);
}

/** Throws GrpcError, in grpc-go's words. */
function methodOf(path: string, methods: GrpcMethods): GrpcMethod {
  const method = methods.get(path);
  if (method !== undefined) return method;
  const [, service, name] = /^\/([^/]*)\/(.*)$/s.exec(path.slice(0, SHOWN_LENGTH_MAX)) ?? [];
  if (service === undefined) {
    throw new GrpcError(
      "unimplemented",
      `malformed method name: ${JSON.stringify(path.slice(0, SHOWN_LENGTH_MAX))}`,
    );
  }
  const isKnown = [...methods.keys()].some((known) => known.startsWith(`/${service}/`));
  throw new GrpcError(
    "unimplemented",
    isKnown ? `unknown method ${name} for service ${service}` : `unknown service ${service}`,
  );
}
