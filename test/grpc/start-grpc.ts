/** A server of gRPC with methods of its own, for tests of calls and connections. */

import { makeLogger } from "../../src/base/log.ts";
import type { GrpcMethod } from "../../src/grpc/grpc-method.ts";
import { GrpcServer, type GrpcServerOptions } from "../../src/grpc/grpc-server.ts";

export interface EndedCall {
  readonly path: string;
  readonly code: number;
  readonly message: string;
}

export interface RunningGrpc extends AsyncDisposable {
  readonly server: GrpcServer;
  readonly port: number;
  readonly ended: EndedCall[];
  readonly logged: string[];
  /** Calls of `wait` that are under way. */
  readonly waiting: () => number;
  /** Lets calls of `wait` end well. */
  readonly release: () => void;
}

const PACKET = new Uint8Array(100_000);

export async function startGrpc(options: Partial<GrpcServerOptions> = {}): Promise<RunningGrpc> {
  const ended: EndedCall[] = [];
  const logged: string[] = [];
  let waiting = 0;
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const methods: Record<string, GrpcMethod> = {
    "/test.Service/Echo": (call) => call.send([call.message]),
    "/test.Service/Metadata": async (call) => {
      const seen = [call.header("x-test"), call.timeoutMs === undefined];
      await call.send([Buffer.from(JSON.stringify(seen))]);
    },
    "/test.Service/Long": async (call) => {
      for (let sent = 0; sent < 50; sent++) await call.send([PACKET]);
    },
    "/test.Service/Endless": async (call) => {
      for (;;) await call.send([PACKET]);
    },
    "/test.Service/Fail": async (call) => {
      await call.send([call.message]);
      throw new Error("a secret");
    },
    "/test.Service/Wait": async (call) => {
      waiting++;
      try {
        const gone = Promise.withResolvers<void>();
        call.signal.addEventListener("abort", () => gone.reject(call.signal.reason));
        await Promise.race([gone.promise, released]);
      } finally {
        waiting--;
      }
    },
  };
  const server = new GrpcServer({
    methods: new Map(Object.entries(methods)),
    messageBytesMax: 1 << 20,
    streamsMax: 50,
    headBytesMax: 16 * 1024,
    readTimeoutMs: 1000,
    writeTimeoutMs: 1000,
    idleTimeoutMs: 1000,
    logger: makeLogger({
      ...{ level: "debug", format: "logfmt", component: "grpc" },
      write: (line) => logged.push(line),
    }),
    onCall: (path, { code, message }) => ended.push({ path, code, message }),
    ...options,
  });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    ...{ server, port, ended, logged, release },
    waiting: () => waiting,
    [Symbol.asyncDispose]: async () => server.end(),
  };
}
