/**
 * More senders than there is room for, over HTTP and gRPC at once, that come again at once when
 * they are refused: each is taken in the end, once, and nobody is told anything but to come again.
 */
import { connect } from "node:net";
import * as grpc from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { residentBytes } from "../fault/hostile-clients.ts";
import { ExportClient } from "../receive/start-grpc.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { fetchSpans } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";

const MiB = 1024 * 1024;
/** Room for five of the requests below; the largest must fit. */
const IN_FLIGHT_BYTES = 20 * MiB;
const REQUEST_BYTES = 3.75 * MiB;
const SENDERS = 24;
const REQUESTS = 3;
const RESIDENT_BYTES_MAX = 700 * MiB;
const TIMEOUT_MS = 120_000;

test(
  "more senders than there is room for are all taken, once",
  async () => {
    await using server = await Server.start({
      "vivace.in_flight_bytes_max": IN_FLIGHT_BYTES,
      "distributor.receivers.otlp.protocols.grpc.endpoint": "127.0.0.1:0",
    });
    const address = new URL(server.receiver("otlp", "otlp_grpc")).host;
    const refusals: string[] = [];
    const overHttp = async (body: Uint8Array<ArrayBuffer>) => {
      const answer = await server.send(body);
      await answer.arrayBuffer();
      if (answer.ok) return true;
      refusals.push(`${answer.status} ${answer.headers.get("retry-after")}`);
      return false;
    };
    const overGrpc = () => {
      const client = new ExportClient(address, grpc.credentials.createInsecure(), {});
      return async (body: Uint8Array<ArrayBuffer>) => {
        const { code, metadata } = await client.send(body);
        if (code === 0) return true;
        refusals.push(`${code} ${metadata.get("grpc-status-details-bin").length}`);
        return false;
      };
    };
    const traces: string[] = [];
    const send = async (sender: number) => {
      const take = sender % 2 === 0 ? overHttp : overGrpc();
      for (let request = 0; request < REQUESTS; request++) {
        const traceId = `${sender}f${request}`.padStart(32, "a");
        const body = requestOf([largeSpan(traceId)]);
        while (!(await take(body)));
        traces.push(traceId);
      }
    };
    // Whoever goes in the middle of it, waiting to be heard or heard, leaves nothing.
    const gone = Array.from({ length: SENDERS }, () => leave(server));
    await Promise.all([...Array.from({ length: SENDERS }, (_, at) => send(at)), ...gone]);

    expect(refusals.length).toBeGreaterThan(0);
    expect([...new Set(refusals)].filter((one) => one !== "503 1" && one !== "14 1")).toEqual([]);
    expect(residentBytes(server.pid, "VmHWM")).toBeLessThan(RESIDENT_BYTES_MAX);
    const metrics = await (await server.get("/metrics")).text();
    const accepted = [...metrics.matchAll(/^tempo_receiver_accepted_spans\{.*\} (\d+)$/gm)];
    expect(accepted.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(SENDERS * REQUESTS);
    for (const traceId of traces.slice(0, 8)) {
      expect(await fetchSpans({ api: server.api, traceId, form: "v2 protobuf" })).toHaveLength(1);
    }
    expect(await overHttp(requestOf([spanOf({ traceId: "1", spanId: "1" })]))).toBe(true);
  },
  TIMEOUT_MS,
);

function largeSpan(traceId: string) {
  const attributes = Array.from({ length: 24 }, (_, at) => {
    const text = String.fromCharCode(97 + at).repeat(REQUEST_BYTES / 24);
    return [`text.${at}`, ["string", text]] as const;
  });
  return spanOf({ traceId, spanId: "1", attributes });
}

/** Says that a body of some length comes, sends the half of it, and goes. */
async function leave(server: Server): Promise<void> {
  const { hostname, port } = new URL(server.otlp);
  const socket = connect(Number(port), hostname);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.on("close", () => resolve());
  socket.on("error", () => {}); // "close" follows
  const head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf";
  socket.write(`${head}\r\nContent-Length: ${MiB}\r\n\r\n`);
  socket.write(Buffer.alloc(MiB / 2), () => socket.destroy());
  await closed;
}
