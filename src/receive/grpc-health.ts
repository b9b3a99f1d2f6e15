/**
 * grpc.health.v1.Health, by which load balancers and orchestrators ask: Check, and Watch, which
 * tells at once when it changes. The messages are one field each.
 */
import { GrpcError } from "../grpc/grpc-status.ts";
import type { GrpcMethod } from "./grpc-method.ts";

const SERVING = Uint8Array.of(0x08, 1);
const NOT_SERVING = Uint8Array.of(0x08, 2);
const SERVICE_UNKNOWN = Uint8Array.of(0x08, 3);

export interface Health {
  readonly methods: readonly (readonly [string, GrpcMethod])[];
  /** Tells those who watch, when it is not as it was. */
  update(): void;
}

interface Watcher {
  readonly service: string;
  readonly send: (message: Uint8Array) => void;
  told: Uint8Array;
}

/** `services` are those of the server; the empty name is the server itself. */
export function grpcHealth(services: readonly string[], isServing: () => boolean): Health {
  const watchers = new Set<Watcher>();
  const statusOf = (service: string) => {
    if (service !== "" && !services.includes(service)) return SERVICE_UNKNOWN;
    return isServing() ? SERVING : NOT_SERVING;
  };
  const check: GrpcMethod = {
    kind: "unary",
    hasTenant: false,
    async call({ message }) {
      const status = statusOf(readService(message));
      if (status === SERVICE_UNKNOWN) throw new GrpcError("notFound", "unknown service");
      return status;
    },
  };
  const watch: GrpcMethod = {
    kind: "streaming",
    open(message, send) {
      const service = readService(message);
      const watcher = { service, send, told: statusOf(service) };
      send(watcher.told);
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
  };
  return {
    methods: [
      ["/grpc.health.v1.Health/Check", check],
      ["/grpc.health.v1.Health/Watch", watch],
    ],
    update() {
      for (const watcher of watchers) {
        const status = statusOf(watcher.service);
        if (status === watcher.told) continue;
        watcher.told = status;
        watcher.send(status);
      }
    },
  };
}

/** HealthCheckRequest: field 1 is the name, and nobody sends another. Throws GrpcError. */
function readService(message: Uint8Array): string {
  if (message.length === 0) return "";
  const length = message[1];
  if (message[0] === 0x0a && length < 0x80 && message.length === 2 + length) {
    return Buffer.from(message.buffer, message.byteOffset + 2, length).toString();
  }
  throw new GrpcError("invalidArgument", "not a HealthCheckRequest");
}
