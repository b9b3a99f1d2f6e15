/** The agent over a real socket: nothing is lost in silence, and nothing grows without bound. */
import { createSocket } from "node:dgram";
import { fromBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { InFlight } from "../../src/receive/in-flight.ts";
import { JaegerAgent, type JaegerAgentOptions } from "../../src/receive/jaeger-agent.ts";
import { samplePacket } from "../../src/receive/jaeger-sample.ts";
import type { RequestSink, Verdict } from "../../src/receive/receive.ts";
import { dropsIn, localAddress, udpDrops } from "../../src/receive/udp-drops.ts";
import { UdpSocket } from "../../src/receive/udp-socket.ts";
import { emitBatchArguments, type JaegerBatch, randomBatch } from "./jaeger-model.ts";
import { NONE_REJECTED, STORED, until } from "./start-receiver.ts";
import { encodeCall, type ThriftProtocol } from "./thrift-tree.ts";

const MiB = 1 << 20;

function batches(count: number): JaegerBatch[] {
  const random = prng(11);
  return Array.from({ length: count }, () => {
    for (;;) {
      const batch = randomBatch(random);
      if (batch.spans.length > 0) return batch;
    }
  });
}

const packetOf = (protocol: ThriftProtocol, batch: JaegerBatch) =>
  encodeCall(protocol, "emitBatch", emitBatchArguments(batch));

function startAgent(settings: Partial<JaegerAgentOptions> & { inFlightBytes?: number } = {}) {
  const requests: Uint8Array[] = [];
  const refused = new Map<string, number>();
  const logged: string[] = [];
  const write = (message: string) => void logged.push(message);
  const logger = { debug: write, info: write, warn: write, error: write };
  const inFlight = new InFlight({
    bytesMax: settings.inFlightBytes ?? 64 * MiB,
    tenantBytesMax: undefined,
  });
  const state = { answer: (): Promise<Verdict> | undefined => Promise.resolve(STORED), bytes: 0 };
  const sink: RequestSink = {
    offer(_tenant, request) {
      const answer = state.answer();
      if (answer !== undefined) requests.push(Uint8Array.from(request));
      return answer;
    },
  };
  const agent = new JaegerAgent(
    {
      protocol: "compact",
      packetBytesMax: 65_000,
      queuePackets: 1000,
      bytesMax: 4 * MiB,
      ...settings,
    },
    {
      sink,
      inFlight,
      logger,
      meter: {
        stored: (_tenant, bytes) => {
          state.bytes += bytes;
        },
        refused: (_tenant, reason, { requests = 1 } = {}) =>
          void refused.set(reason, (refused.get(reason) ?? 0) + requests),
      },
    },
  );
  const spans = () =>
    requests.flatMap((request) =>
      fromBinary(TraceSchema, request).resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans: all }) =>
          all.map(({ spanId }) => Buffer.from(spanId).toString("hex")),
        ),
      ),
    );
  const atRest = () => until(() => inFlight.requests === 0 && inFlight.bytes === 0);
  return { agent, requests, refused, logged, logger, inFlight, state, spans, atRest };
}

const idsOf = (all: readonly JaegerBatch[]) =>
  all.flatMap(({ spans }) => spans.map(({ spanId }) => Buffer.from(spanId).toString("hex")));

describe("over a socket", () => {
  let open: UdpSocket | undefined;
  const sender = createSocket("udp4");
  afterEach(async () => {
    await open?.close();
    open = undefined;
  });

  test.each(["compact", "binary"] as const)("packets in %s share requests", async (protocol) => {
    const { agent, requests, spans, state, logger, atRest } = startAgent({ protocol });
    open = await UdpSocket.open(
      { hostname: "127.0.0.1", port: 0, bufferBytes: 8 * MiB },
      { logger, onPacket: (packet) => agent.take(packet), onDrops: () => {} },
    );
    const sent = batches(200);
    const packets = sent.map((batch) => packetOf(protocol, batch));
    for (const packet of packets) sender.send(packet, open.address.port, "127.0.0.1");
    await until(() => spans().length === idsOf(sent).length);
    await atRest();
    expect(spans().toSorted()).toEqual(idsOf(sent).toSorted());
    expect(requests.length).toBeLessThan(100);
    expect(state.bytes).toBe(packets.reduce((sum, { length }) => sum + length, 0));
  });

  test("what the system drops is counted", async () => {
    const { logger, logged } = startAgent();
    let [taken, lost] = [0, 0];
    const onPacket = () => {
      taken += 1;
    };
    const onDrops = (packets: number) => {
      lost += packets;
    };
    open = await UdpSocket.open(
      { hostname: "127.0.0.1", port: 0, bufferBytes: 2048 },
      { logger, onPacket, onDrops },
    );
    const port = open.address.port;
    // Sent by another process, while this one does not read.
    const script = `const s = require("node:dgram").createSocket("udp4");
      let left = 400; for (let i = 0; i < 400; i++)
        s.send(Buffer.alloc(1000), ${port}, "127.0.0.1", () => { if (--left === 0) s.close(); });`;
    const child = Bun.spawnSync({ cmd: [process.execPath, "-e", script] });
    expect(child.exitCode).toBe(0);
    await until(() => taken + lost === 400);
    expect(lost).toBeGreaterThan(0);
    expect(udpDrops({ address: "127.0.0.1", port })).toBe(lost);
    expect(logged).toContain("packets were lost in the receive buffer");
  });

  test("an address that is taken cannot be had", async () => {
    const { logger } = startAgent();
    const parts = { logger, onPacket: () => {}, onDrops: () => {} };
    open = await UdpSocket.open({ hostname: "127.0.0.1", port: 0, bufferBytes: 4096 }, parts);
    const again = { hostname: "127.0.0.1", port: open.address.port, bufferBytes: 4096 };
    await expect(UdpSocket.open(again, parts)).rejects.toThrow(/EADDRINUSE/);
  });
});

describe("what cannot be taken is counted", () => {
  const [batch] = batches(1);
  const packet = packetOf("compact", batch);

  test("damaged and oversized packets, without harm to their neighbours", async () => {
    const { agent, refused, spans, atRest } = startAgent({ packetBytesMax: packet.length });
    agent.take(packet);
    agent.take(packet.subarray(0, packet.length - 1));
    agent.take(new Uint8Array(packet.length + 1));
    agent.take(new Uint8Array(0));
    agent.take(packet);
    await atRest();
    expect([...refused]).toEqual([
      ["malformed", 2],
      ["too_large", 1],
    ]);
    expect(spans()).toEqual(idsOf([batch, batch]));
  });

  test("packets over the queue; those in it arrive when there is room again", async () => {
    const { agent, refused, state, spans, requests, atRest } = startAgent({ queuePackets: 10 });
    const answers: ((verdict: Verdict) => void)[] = [];
    state.answer = () => new Promise((resolve) => answers.push(resolve));
    for (let i = 0; i < 5; i++) agent.take(packet);
    await until(() => requests.length === 1);
    for (let i = 0; i < 20; i++) agent.take(packet);
    expect([...refused]).toEqual([["overloaded", 15]]);
    await until(() => requests.length === 2);
    for (const answer of answers) answer(STORED);
    await atRest();
    expect(spans()).toHaveLength(10 * batch.spans.length);
    state.answer = () => Promise.resolve(STORED);
    for (let i = 0; i < 10; i++) agent.take(packet);
    await atRest();
    expect([...refused]).toEqual([["overloaded", 15]]);
    expect(spans()).toHaveLength(20 * batch.spans.length);
  });

  test("packets over the bytes that may be gathered", async () => {
    const { agent, refused, state, spans, atRest } = startAgent({ bytesMax: MiB + 10_000 });
    let isFull = true;
    state.answer = () => (isFull ? undefined : Promise.resolve(STORED));
    for (let i = 0; i < 500; i++) agent.take(packet);
    const lost = refused.get("overloaded") ?? 0;
    expect(lost).toBeGreaterThan(0);
    isFull = false;
    await atRest();
    expect(spans()).toHaveLength((500 - lost) * batch.spans.length);
  });

  test("while the ring is full, packets wait for it", async () => {
    const { agent, state, spans, atRest } = startAgent();
    let full = 3;
    state.answer = () => (full-- > 0 ? undefined : Promise.resolve(STORED));
    agent.take(packet);
    await atRest();
    expect(spans()).toHaveLength(batch.spans.length);
  });

  test("packets of a refused request, one by one", async () => {
    const { agent, refused, state, atRest } = startAgent();
    state.answer = () =>
      Promise.resolve({ outcome: "disk_failed", accepted: 0, rejected: NONE_REJECTED });
    for (let i = 0; i < 7; i++) agent.take(packet);
    await atRest();
    expect([...refused]).toEqual([["disk_failed", 7]]);
  });

  test("bytes in flight are held until the answer, and bound what is gathered", async () => {
    const { agent, refused, state, inFlight, atRest } = startAgent({ inFlightBytes: 20_000 });
    let answer: (verdict: Verdict) => void = () => {};
    state.answer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    for (let i = 0; i < 500; i++) agent.take(packet);
    expect(inFlight.bytes).toBeGreaterThan(0);
    expect(inFlight.bytes).toBeLessThanOrEqual(20_000);
    expect(refused.get("overloaded")).toBeGreaterThan(0);
    await until(() => {
      answer(STORED);
      return inFlight.requests === 0;
    });
    await atRest();
  });
});

describe("what is gathered", () => {
  const [one, other] = batches(2);
  if (one === undefined || other === undefined) throw new Error("test: no batch");

  test("goes in requests of bounded size, whether those before are answered or not", async () => {
    const { agent, refused, state, requests, spans } = startAgent({
      ...{ queuePackets: 100_000, bytesMax: 16 * MiB, inFlightBytes: 64 * MiB },
    });
    state.answer = () => new Promise(() => {});
    const count = Math.ceil((3 * MiB) / packetOf("compact", one).length);
    for (let i = 0; i < count; i++) agent.take(packetOf("compact", one));
    await until(() => spans().length === count * one.spans.length);
    expect(Math.max(...requests.map(({ length }) => length))).toBeLessThan(MiB);
    expect([...refused]).toEqual([]);
  });

  test("is one resource for packets of one process behind each other", async () => {
    const { agent, requests, spans, atRest } = startAgent();
    const damaged = packetOf("compact", other).subarray(0, -3);
    const sent = [one, one, other, other, one];
    for (const batch of sent) {
      agent.take(packetOf("compact", batch));
      agent.take(damaged);
    }
    await atRest();
    expect(spans()).toEqual(idsOf(sent));
    const [request] = requests.map((bytes) => fromBinary(TraceSchema, bytes));
    const resources = request.resourceSpans.map(({ resource }) => resource);
    expect(resources).toHaveLength(3);
    expect(resources[2]).toEqual(resources[0]);
    expect(resources[1]).not.toEqual(resources[0]);
  });
});

describe.each(["compact", "binary"] as const)("before the first packet, in %s", (protocol) => {
  test("packets of its own are read into nothing", async () => {
    const { agent, spans, refused, requests, atRest } = startAgent({ protocol });
    agent.take(samplePacket(protocol));
    await atRest();
    expect(spans()).toHaveLength(4);
    expect([...refused]).toEqual([]);
    const [{ resourceSpans }] = requests.map((bytes) => fromBinary(TraceSchema, bytes));
    const [first, second] = resourceSpans[0].scopeSpans.flatMap((scope) => scope.spans);
    expect(first).toMatchObject({ name: "GET /cart/{id}", kind: 2, links: [{}] });
    expect(second.events[0].name).toBe("cache miss");
    const { logger, logged } = startAgent();
    await JaegerAgent.warm(protocol, logger);
    expect(logged).toEqual([]);
  });
});

describe("the system's table", () => {
  test("addresses are words in the machine's order", () => {
    expect(localAddress({ address: "127.0.0.1", port: 6831 })).toBe("0100007F:1AAF");
    expect(localAddress({ address: "0.0.0.0", port: 1 })).toBe("00000000:0001");
    const zeros = "0".repeat(24);
    expect(localAddress({ address: "::1", port: 6832 })).toBe(`${zeros}01000000:1AB0`);
    expect(localAddress({ address: "::", port: 1 })).toBe(`${zeros}00000000:0001`);
    const long = localAddress({ address: "2001:db8::ff00:42:8329", port: 1 });
    expect(long).toBe("B80D01200000000000FF000029834200:0001");
    expect(localAddress({ address: "no address", port: 1 })).toBeUndefined();
  });

  test("drops are the last column", () => {
    const table = `  sl  local_address rem_address   st
 3166: 0100007F:1AAF 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 9 2 0000 17
 3167: 0100007F:1AB0 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 9 2 0000 3   \n`;
    expect(dropsIn(table, "0100007F:1AAF")).toBe(17);
    expect(dropsIn(table, "0100007F:1AB0")).toBe(3);
    expect(dropsIn(table, "0100007F:1AB1")).toBeUndefined();
  });
});
