/** The gRPC port against the protocol of HTTP/2, case by case. */
import { expect, test } from "vitest";
import { h2spec, runH2spec } from "../support/h2spec.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";

const CASES = 145;

test.skipIf(leftOut(h2spec))(
  titled("h2spec: all cases", h2spec),
  async () => {
    await using server = await Server.start({
      "distributor.receivers.otlp.protocols": { grpc: { endpoint: "127.0.0.1:0" } },
    });
    const { port } = new URL(server.receiver("otlp", "otlp_grpc"));
    const cases = await runH2spec(Number(port));
    expect(cases).toHaveLength(CASES);
    expect(cases.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual([]);
  },
  INSTALL_TIMEOUT_MS,
);
