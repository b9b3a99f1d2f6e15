/** How bench/load.ts sends: one request over HTTP or gRPC, or packets at a steady rate. */
import { createSocket } from "node:dgram";
import { Client, credentials } from "@grpc/grpc-js";
import type { LoadFormat } from "./data/shop-formats.ts";
import { GrpcByHand } from "./grpc-by-hand.ts";

/** Whether it was taken. */
export type Send = (body: Uint8Array) => Promise<boolean>;

export function senderOf(origin: string, format: LoadFormat): Send {
  return format.transport === "grpc" ? overGrpc(origin, format) : overHttp(origin, format);
}

function overHttp(origin: string, { path, headers }: LoadFormat): Send {
  return async (body) => {
    const request = { method: "POST", body: new Uint8Array(body), headers };
    const response = await fetch(origin + path, request);
    await response.arrayBuffer();
    return response.ok;
  };
}

/** Eight connections, as a few clients have. */
function overGrpc(origin: string, { path, isGzip }: LoadFormat): Send {
  if (isGzip === true) return overGrpcByHand(origin, path);
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const clients = Array.from({ length: 8 }, () => {
    return new Client(new URL(origin).host, credentials.createInsecure(), options);
  });
  const same = (bytes: Buffer) => bytes;
  let next = 0;
  return (body) => {
    const client = clients[next++ % clients.length];
    return new Promise((resolve) => {
      client.makeUnaryRequest(path, same, same, Buffer.from(body), (error) => resolve(!error));
    });
  };
}

/** Bodies that are compressed once, which the library would do for each call again. */
function overGrpcByHand(origin: string, path: string): Send {
  const headers = { ":path": path, "grpc-encoding": "gzip" };
  const idle: GrpcByHand[] = [];
  return async (bytes) => {
    const client = idle.pop() ?? (await GrpcByHand.open(Number(new URL(origin).port), headers));
    const isTaken = await client.call({ bytes, isCompressed: true });
    idle.push(client);
    return isTaken;
  };
}

export interface Packets {
  readonly perSecond: number;
  readonly seconds: number;
  /** The next packet. */
  readonly next: () => Uint8Array;
}

/** Sends at this rate, in bursts of a few milliseconds; resolves with the number of packets. */
export async function sendPackets(origin: string, packets: Packets): Promise<number> {
  const { hostname, port } = new URL(origin);
  const socket = createSocket("udp4");
  const start = performance.now();
  let sent = 0;
  for (;;) {
    const elapsed = performance.now() - start;
    const due = Math.floor((Math.min(elapsed / 1000, packets.seconds) * packets.perSecond) | 0);
    for (; sent < due; sent++) socket.send(packets.next(), Number(port), hostname);
    if (elapsed > packets.seconds * 1000) break;
    await Bun.sleep(1);
  }
  await new Promise((resolve) => socket.send(packets.next(), Number(port), hostname, resolve));
  socket.close();
  return sent + 1;
}
