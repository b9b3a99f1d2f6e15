/** A client of Tempo's streaming gRPC, and of any other service, as Go's and Grafana's are. */
import { join } from "node:path";
import {
  type ChannelOptions,
  Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type MethodDefinition,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type StatusObject,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ROOT } from "./checkout.ts";

/** A message as its JSON would be: zeros left out, long integers as texts. */
export type Message = Readonly<Record<string, unknown>>;

const files = loadPackageDefinition(
  loadSync(["tempopb/tempo.proto", "grpc/health/v1/health.proto"], {
    includeDirs: [join(ROOT, "proto")],
    longs: String,
    enums: String,
    json: true,
  }),
);

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  readonly timeoutMs?: number;
  /** Hears each message, its size on the wire, and a way to give the call up. */
  readonly onMessage?: (message: Message, bytes: number, cancel: () => void) => void;
  /** Hears the bytes of each message. */
  readonly onPacket?: (bytes: Buffer) => void;
}

export interface Ended {
  readonly messages: readonly Message[];
  /** Of each message on the wire. */
  readonly bytes: readonly number[];
  readonly code: number;
  readonly details: string;
  readonly trailers: Metadata;
}

/** What a client of TLS has, in PEM. */
export interface ClientTrust {
  readonly ca: Buffer;
  readonly key?: Buffer;
  readonly cert?: Buffer;
}

export class StreamClient implements Disposable {
  readonly #client: Client;

  /** `address` is host and port, or a URL. */
  constructor(address: string, trust?: ClientTrust, options: ChannelOptions = {}) {
    const target = address.replace(/^https?:\/\//, "").replace(/\/$/, "");
    const { ca, key = null, cert = null } = trust ?? {};
    const security =
      ca === undefined ? credentials.createInsecure() : credentials.createSsl(ca, key, cert);
    this.#client = new Client(target, security, {
      // A channel of its own, so that each client has its own connection.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
      // Certificates are of names; an address is none in the handshake.
      ...(trust && { "grpc.ssl_target_name_override": "localhost" }),
      ...options,
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** `method` is `/tempopb.StreamingQuerier/Search`, or its last part alone. Never rejects. */
  async call(method: string, request: Message, options: CallOptions = {}): Promise<Ended> {
    const path = method.startsWith("/") ? method : `/tempopb.StreamingQuerier/${method}`;
    const { requestSerialize, responseDeserialize } = definitionOf(path);
    const decode = (bytes: Buffer) => responseDeserialize(bytes);
    return await this.raw(path, requestSerialize(request), { ...options, decode });
  }

  /** With bytes instead of messages. */
  async raw(
    path: string,
    request: Buffer,
    options: CallOptions & { readonly decode?: (bytes: Buffer) => Message } = {},
  ): Promise<Ended> {
    const { metadata = {}, timeoutMs, onMessage, onPacket, decode = () => ({}) } = options;
    const headers = new Metadata();
    for (const [name, values] of Object.entries(metadata)) {
      for (const value of [values].flat()) headers.add(name, value);
    }
    const call = this.#client.makeServerStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      request,
      headers,
      timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
    );
    const messages: Message[] = [];
    const bytes: number[] = [];
    call.on("data", (piece: Buffer) => {
      onPacket?.(piece);
      const message = decode(piece);
      messages.push(message);
      bytes.push(piece.length);
      onMessage?.(message, piece.length, () => call.cancel());
    });
    call.on("error", () => undefined);
    const status = await new Promise<StatusObject>((resolve) => call.on("status", resolve));
    const { code, details, metadata: trailers } = status;
    return { messages, bytes, code, details, trailers };
  }
}

function definitionOf(path: string): MethodDefinition<Message, Message> {
  const [, service, name] = path.split("/");
  const at = service
    .split(".")
    .reduce<GrpcObject[string] | undefined>(
      (outer, part) => (outer as GrpcObject | undefined)?.[part],
      files,
    );
  // What lies at the end of a service's name is its client.
  const { service: methods } = at as ServiceClientConstructor;
  return (methods as ServiceDefinition)[name] as MethodDefinition<Message, Message>;
}
