/** gRPC on the real process: several threads on one port, and a stop in the middle of a load. */
import { credentials } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ExportClient } from "../receive/start-grpc.ts";
import { until } from "../receive/start-receiver.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { fetchSpans } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";

const UNAVAILABLE = 14;

test("threads share the port, and a stop loses nothing that was acknowledged", async () => {
  await using server = await Server.start({
    "distributor.receivers.otlp.protocols": { grpc: { endpoint: "127.0.0.1:0" } },
    "vivace.ingress_threads": 3,
    "vivace.memory_budget_bytes": 512 * 1024 * 1024,
  });
  const { host } = new URL(server.receiver("otlp", "otlp_grpc"));
  const clients = Array.from({ length: 12 }, () => {
    return new ExportClient(host, credentials.createInsecure(), {});
  });
  const acknowledged: string[] = [];
  const failed: number[] = [];
  let traces = 0;
  const senders = clients.map(async (client) => {
    for (;;) {
      const traceId = (++traces).toString(16).padStart(32, "a");
      const { code } = await client.send(requestOf([spanOf({ traceId, spanId: "1" })]));
      if (code === 0) acknowledged.push(traceId);
      else failed.push(code);
      // The listener is gone: that is the end of it.
      if (code !== 0) return;
    }
  });
  await until(() => acknowledged.length > 500);
  expect(failed).toEqual([]);
  expect(await server.stop()).toBe(0);
  await Promise.all(senders);
  expect(new Set(failed)).toEqual(new Set([UNAVAILABLE]));
  for (const client of clients) client.close();
  await server.restart();
  for (const traceId of acknowledged.filter((_, i) => i % 10 === 0)) {
    const found = await fetchSpans({ api: server.api, traceId, form: "v2 protobuf" });
    expect(found).toHaveLength(1);
  }
});
