/**
 * Where the API is served: HTTP/1.1 on its port, gRPC beside it on the same port and on one of its
 * own.
 */
import { randomUUID } from "node:crypto";
import { GrpcServer, type GrpcServerOptions } from "../grpc/grpc-server.ts";
import type { ApiServer } from "./api-server.ts";
import { http2Requests } from "./http2-requests.ts";
import { type InnerAddress, type PortTls, SharedPort } from "./shared-port.ts";

export interface ListenAddress {
  readonly hostname: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  /** Undefined: in clear text. */
  readonly tls: PortTls | undefined;
}

export interface ApiListenerOptions {
  readonly http: ListenAddress;
  readonly grpc: ListenAddress;
  /** Whether the HTTP port takes gRPC, too. */
  readonly streamOverHttp: boolean;
  readonly httpIdleSeconds: number;
  /** Of a request of HTTP, whose query is in its path. */
  readonly httpHeadBytesMax: number;
}

/** Rejects when a port is not free. */
export async function listenApi(
  {
    http,
    grpc,
    streamOverHttp,
    httpIdleSeconds: idleTimeout,
    httpHeadBytesMax,
  }: ApiListenerOptions,
  api: ApiServer,
  calls: GrpcServerOptions,
): Promise<ApiListener> {
  const front = { firstBytesSeconds: idleTimeout, logger: calls.logger };
  const servers: GrpcServer[] = [];
  const ports: SharedPort[] = [];
  const behind = async (options: GrpcServerOptions): Promise<InnerAddress> => {
    const inner = new GrpcServer(options);
    servers.push(inner);
    const unix = innerName("http2");
    const port = await inner.listen(unix === undefined ? LOOPBACK : { path: unix });
    return unix === undefined ? { port } : { unix };
  };
  let grpcPort: number;
  if (grpc.tls === undefined) {
    const own = new GrpcServer(calls);
    servers.push(own);
    grpcPort = await own.listen({ host: grpc.hostname, port: grpc.port });
  } else {
    const inner = await behind(calls);
    const port = new SharedPort({ ...front, ...grpc, http1: inner, http2: inner });
    ports.push(port);
    grpcPort = port.port;
  }
  if (!streamOverHttp) {
    const { hostname, port, tls } = http;
    const server = Bun.serve({ ...api, hostname, port, ...(tls && { tls }), idleTimeout });
    return new ApiListener({ server, servers, ports, httpPort: server.port ?? 0, grpcPort });
  }
  const { server, address } = serveBehind(api, idleTimeout);
  const http2 = await behind({
    ...calls,
    headBytesMax: httpHeadBytesMax,
    other: http2Requests(api, calls.writeTimeoutMs),
  });
  const port = new SharedPort({ ...front, ...http, http1: address, http2 });
  ports.push(port);
  return new ApiListener({ server, servers, ports, httpPort: port.port, grpcPort });
}

function serveBehind(api: ApiServer, idleTimeout: number) {
  const unix = innerName("http1");
  if (unix === undefined) {
    const server = Bun.serve({ ...api, hostname: LOOPBACK.host, port: 0, idleTimeout });
    return { server, address: { port: server.port ?? 0 } };
  }
  // By its types a name has no idle timeout; the server keeps it all the same.
  const served = { ...api, unix, idleTimeout } as Bun.Serve.Options<undefined>;
  return { server: Bun.serve(served), address: { unix } };
}

const LOOPBACK = { host: "127.0.0.1", port: 0 };

/**
 * Names without a file, which only Linux has: nothing is left behind, and no path is too long.
 * Elsewhere the servers behind a port take free ports of this machine.
 */
function innerName(what: string): string | undefined {
  return process.platform === "linux" ? `\0vivace/${randomUUID()}/${what}` : undefined;
}

interface ListenerParts {
  readonly server: Bun.Server<undefined>;
  readonly servers: readonly GrpcServer[];
  readonly ports: readonly SharedPort[];
  readonly httpPort: number;
  readonly grpcPort: number;
}

export class ApiListener {
  readonly #parts: ListenerParts;
  readonly httpPort: number;
  readonly grpcPort: number;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    this.httpPort = parts.httpPort;
    this.grpcPort = parts.grpcPort;
  }

  /** Takes nothing new; resolves when all that is under way is answered. */
  async stop(): Promise<void> {
    const { ports, server, servers } = this.#parts;
    for (const port of ports) port.stop();
    await Promise.all([server.stop(), ...servers.map((one) => one.stop())]);
  }

  /** At once. */
  async end(): Promise<void> {
    const { ports, server, servers } = this.#parts;
    for (const port of ports) port.stop();
    for (const one of servers) one.end();
    await server.stop(true);
  }
}
