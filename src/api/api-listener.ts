/**
 * Where the API is served: HTTP/1.1 on its port, gRPC beside it on the same port and on one of its
 * own.
 */
import { randomUUID } from "node:crypto";
import { type GrpcAddress, GrpcServer, type GrpcServerOptions } from "../grpc/grpc-server.ts";
import type { ApiServer } from "./api-server.ts";
import { SharedPort } from "./shared-port.ts";

export interface ListenAddress {
  readonly hostname: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
}

export interface ApiListenerOptions {
  readonly http: ListenAddress;
  readonly grpc: ListenAddress;
  /** Whether the HTTP port takes gRPC, too. */
  readonly streamOverHttp: boolean;
  readonly httpIdleSeconds: number;
}

/** Rejects when a port is not free. */
export async function listenApi(
  { http, grpc, streamOverHttp, httpIdleSeconds: idleTimeout }: ApiListenerOptions,
  api: ApiServer,
  calls: GrpcServerOptions,
): Promise<ApiListener> {
  const own = new GrpcServer(calls);
  const grpcPort = await own.listen({ host: grpc.hostname, port: grpc.port });
  if (!streamOverHttp) {
    const server = Bun.serve({ ...api, ...http, idleTimeout });
    return new ApiListener({ server, grpc: [own], shared: undefined, grpcPort });
  }
  const inner = new GrpcServer(calls);
  const name = innerName();
  const where = name === undefined ? { hostname: "127.0.0.1", port: 0 } : { unix: `${name}/http1` };
  // By its types a name has no idle timeout; the server keeps it all the same.
  const served = { ...api, ...where, idleTimeout } as Bun.Serve.Options<undefined>;
  const server = Bun.serve(served);
  const port = await inner.listen(innerGrpc(name));
  const shared = new SharedPort({
    ...http,
    http1: name === undefined ? { port: server.port ?? 0 } : { unix: `${name}/http1` },
    http2: name === undefined ? { port } : { unix: `${name}/http2` },
    firstBytesSeconds: idleTimeout,
    logger: calls.logger,
  });
  return new ApiListener({ server, grpc: [own, inner], shared, grpcPort });
}

/**
 * Names without a file, which only Linux has: nothing is left behind, and no path is too long.
 * Elsewhere the servers behind the port take free ports of this machine.
 */
function innerName(): string | undefined {
  return process.platform === "linux" ? `\0vivace/${randomUUID()}` : undefined;
}

function innerGrpc(name: string | undefined): GrpcAddress {
  return name === undefined ? { host: "127.0.0.1", port: 0 } : { path: `${name}/http2` };
}

interface ListenerParts {
  readonly server: Bun.Server<undefined>;
  readonly grpc: readonly GrpcServer[];
  readonly shared: SharedPort | undefined;
  readonly grpcPort: number;
}

export class ApiListener {
  readonly #parts: ListenerParts;
  readonly grpcPort: number;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    this.grpcPort = parts.grpcPort;
  }

  get httpPort(): number {
    const { shared, server } = this.#parts;
    return shared?.port ?? server.port ?? 0;
  }

  /** Takes nothing new; resolves when all that is under way is answered. */
  async stop(): Promise<void> {
    const { shared, server, grpc } = this.#parts;
    shared?.stop();
    await Promise.all([server.stop(), ...grpc.map((one) => one.stop())]);
  }

  /** At once. */
  async end(): Promise<void> {
    const { shared, server, grpc } = this.#parts;
    shared?.stop();
    for (const one of grpc) one.end();
    await server.stop(true);
  }
}
