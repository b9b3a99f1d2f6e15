import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compressedBodies } from "./compressed-bodies.ts";
import { RawClient } from "./start-receiver.ts";

const MiB = 1 << 20;
const PIECE = new Uint8Array(65536).fill(7);
const CHUNK = Buffer.concat([Buffer.from("10000\r\n"), PIECE, Buffer.from("\r\n")]);

interface Memory {
  readonly bytes: number;
  readonly requests: number;
  readonly stored: number;
  readonly peakBytes: number;
}

/** A receiver with the default limits in a process of its own. */
async function startChild() {
  const program = join(import.meta.dirname, "receiver-child.ts");
  const cmd = [process.execPath, program];
  const child = Bun.spawn({ cmd, stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const line = async (): Promise<string> => {
    while (!text.includes("\n")) {
      const { done, value } = await reader.read();
      if (done) throw new Error("the receiver ended");
      text += decoder.decode(value, { stream: true });
    }
    const end = text.indexOf("\n");
    const first = text.slice(0, end);
    text = text.slice(end + 1);
    return first;
  };
  const { port } = JSON.parse(await line()) as { port: number };
  return {
    port,
    url: `http://127.0.0.1:${port}/v1/traces`,
    async memory(): Promise<Memory> {
      child.stdin.write("?\n");
      await child.stdin.flush();
      return JSON.parse(await line()) as Memory;
    },
    async stop() {
      child.kill();
      await child.exited;
    },
  };
}

let child: Awaited<ReturnType<typeof startChild>>;
beforeEach(async () => {
  child = await startChild();
});
afterEach(() => child.stop());

async function post(body: Uint8Array, encoding = "identity"): Promise<number> {
  const headers = { "content-type": "application/x-protobuf", "content-encoding": encoding };
  const response = await fetch(child.url, { method: "POST", headers, body: Buffer.from(body) });
  await response.bytes();
  return response.status;
}

test("a chunked body of a gigabyte is refused early and dropped", async () => {
  const client = await RawClient.open(child.port);
  client.post("Transfer-Encoding: chunked");
  await client.pump(30 * MiB, CHUNK);
  await client.until("413 ");
  expect((await child.memory()).requests).toBe(0);
  await client.pump(1024 * MiB, CHUNK);
  client.write("0\r\n\r\n");
  client.post("Content-Length: 5", "hello");
  await client.until("200 OK");
  expect(client.statuses).toEqual([413, 200]);
  client.destroy();
  const { bytes, peakBytes, stored } = await child.memory();
  expect([bytes, stored]).toEqual([0, 1]);
  expect(peakBytes).toBeLessThan(160 * MiB);
});

test("a body in very many chunks takes no more than its bytes", async () => {
  const before = (await child.memory()).peakBytes;
  // What comes at once is one piece: each is to come by itself.
  const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(child.port)));
  for (const client of clients) client.post("Transfer-Encoding: chunked");
  for (let round = 0; round < 8000; round++) {
    for (const client of clients) client.write("1\r\nx\r\n");
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const client of clients) client.write("0\r\n\r\n");
  for (const client of clients) await client.until("200 OK");
  expect((await child.memory()).peakBytes - before).toBeLessThan(45 * MiB);
  for (const client of clients) client.destroy();
}, 60_000);

test("bodies that are refused unread take no memory, however long", async () => {
  for (const header of ["Content-Encoding: br", "Content-Type: text/plain"]) {
    const client = await RawClient.open(child.port);
    client.write(`POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: ${300 * MiB}\r\n`);
    client.write(`${header}\r\n\r\n`);
    await client.pump(300 * MiB, PIECE);
    await client.until("415 ");
    client.destroy();
  }
  expect((await child.memory()).peakBytes).toBeLessThan(120 * MiB);
});

test("bombs in every encoding", async () => {
  // 20 MiB are the limit; one that got through would take its 200 MiB, with what it comes from.
  const bombs = await compressedBodies(new Uint8Array(200 * MiB));
  for (const { name, encoding, bytes } of bombs) {
    expect(`${name} ${await post(bytes, encoding)}`).toBe(`${name} 413`);
    expect(await post(PIECE)).toBe(200);
  }
  const { bytes, peakBytes, stored } = await child.memory();
  expect([bytes, stored]).toEqual([0, bombs.length]);
  expect(peakBytes).toBeLessThan(400 * MiB);
}, 60_000);

test("sizes that are only claimed", async () => {
  // 16 MiB claimed by a block, a length of 20 MiB of which nothing comes.
  for (let round = 0; round < 40; round++) {
    expect(await post(Uint8Array.from([0x80, 0x80, 0x80, 8, 0, 65]), "snappy")).toBe(400);
  }
  const clients: RawClient[] = [];
  const statuses: number[] = [];
  for (let round = 0; round < 5; round++) {
    const client = await RawClient.open(child.port);
    client.post(`Content-Length: ${20 * MiB}`);
    clients.push(client);
    if (round > 2) await client.until("503 ");
    statuses.push(...client.statuses);
  }
  expect(statuses).toEqual([503, 503]); // three times 20 fit into 64
  expect((await child.memory()).bytes).toBe(60 * MiB);
  expect((await child.memory()).peakBytes).toBeLessThan(120 * MiB);
  for (const client of clients) client.destroy();
});

test("idle connections are cheap", async () => {
  const before = (await child.memory()).peakBytes;
  const clients: RawClient[] = [];
  for (let batch = 0; batch < 30; batch++) {
    const opened = Array.from({ length: 100 }, () => RawClient.open(child.port));
    clients.push(...(await Promise.all(opened)));
  }
  for (const client of clients) client.post("Content-Length: 5", "hello");
  for (const client of clients) await client.until("200 OK");
  expect(await post(PIECE)).toBe(200);
  const { peakBytes, requests } = await child.memory();
  expect(requests).toBe(0);
  expect(peakBytes - before).toBeLessThan(60 * MiB);
  for (const client of clients) client.destroy();
}, 60_000);
