/** TLS of the API's ports: both protocols behind one handshake, and clients with certificates. */
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PortTls } from "../../src/api/shared-port.ts";
import { open } from "../fault/hostile-clients.ts";
import { type Certificates, certificates, type Pair } from "../support/certificates.ts";
import { StreamClient } from "../support/stream-client.ts";
import { waitFor } from "../support/wait.ts";
import { startStream } from "./start-stream.ts";

const CHECK = "/grpc.health.v1.Health/Check";
const TIMEOUT_MS = 60_000;

let issued: Certificates;

beforeAll(async () => {
  issued = await certificates();
}, TIMEOUT_MS);

afterAll(() => issued[Symbol.dispose]());

function portTls(wantsClients: boolean): PortTls {
  return {
    cert: readFileSync(issued.server.cert, "utf8"),
    key: readFileSync(issued.server.key, "utf8"),
    ...(wantsClients && { ca: readFileSync(issued.ca, "utf8") }),
    requestCert: wantsClients,
    rejectUnauthorized: wantsClients,
    minVersion: 0x0303,
    maxVersion: 0x0304,
  };
}

function trust(pair?: Pair) {
  const ca = readFileSync(issued.ca);
  if (pair === undefined) return { ca };
  return { ca, key: readFileSync(pair.key), cert: readFileSync(pair.cert) };
}

const serving = { code: 0, messages: [{ status: "SERVING" }] };

describe("the HTTP port with TLS", () => {
  for (const streamOverHttp of [true, false]) {
    test(
      `serves HTTP/1.1${streamOverHttp ? " and gRPC" : ""}`,
      async () => {
        await using api = await startStream({ httpTls: portTls(false), streamOverHttp });
        const url = `https://127.0.0.1:${api.listener.httpPort}`;
        const tls = { ca: readFileSync(issued.ca, "utf8") };
        for (let round = 0; round < 3; round++) {
          expect(await (await fetch(`${url}/ready`, { tls })).text()).toBe("ready\n");
        }
        using client = new StreamClient(url, trust());
        const got = await client.call(CHECK, {}, { timeoutMs: 5000 });
        if (streamOverHttp) expect(got).toMatchObject(serving);
        else expect(got.code).not.toBe(0);
        using own = new StreamClient(api.grpcAddress);
        expect(await own.call(CHECK, {})).toMatchObject(serving);
      },
      TIMEOUT_MS,
    );
  }

  test("serves the HTTP API to clients that choose HTTP/2", async () => {
    await using api = await startStream({ httpTls: portTls(false) });
    const session = connectHttp2(`https://localhost:${api.listener.httpPort}`, {
      ca: readFileSync(issued.ca),
    });
    const request = session.request({ ":path": "/ready" });
    let body = "";
    request.on("data", (piece: Buffer) => {
      body += piece.toString();
    });
    await new Promise((resolve, reject) => {
      request.on("close", resolve);
      request.on("error", reject);
    });
    expect(body).toBe("ready\n");
    session.close();
  });

  test("says which protocols it has, and the client's choice among them", async () => {
    await using api = await startStream({ httpTls: portTls(false) });
    for (const protocol of ["h2", "http/1.1"]) {
      const socket = connect({
        ...{ host: "127.0.0.1", port: api.listener.httpPort, servername: "localhost" },
        ...{ ca: readFileSync(issued.ca), ALPNProtocols: [protocol] },
      });
      await new Promise((resolve, reject) => {
        socket.once("secureConnect", resolve);
        socket.once("error", reject);
      });
      expect(socket.alpnProtocol).toBe(protocol);
      socket.destroy();
    }
  });

  test("closes connections without a handshake, and serves others", async () => {
    await using api = await startStream({ httpTls: portTls(false) });
    const socket = await open(api.listener.httpPort);
    socket.resume();
    socket.write("GET /ready HTTP/1.1\r\nhost: x\r\n\r\n");
    await waitFor(
      () => socket.destroyed,
      () => "a connection in clear text stays",
    );
    using client = new StreamClient(`127.0.0.1:${api.listener.httpPort}`, trust());
    expect(await client.call(CHECK, {})).toMatchObject(serving);
  });
});

describe("a port that wants certificates of clients", () => {
  test(
    "serves those that have one",
    async () => {
      await using api = await startStream({ httpTls: portTls(true), grpcTls: portTls(true) });
      for (const address of [`127.0.0.1:${api.listener.httpPort}`, api.grpcAddress]) {
        using client = new StreamClient(address, trust(issued.client));
        expect(await client.call(CHECK, {})).toMatchObject(serving);
        using stranger = new StreamClient(address, trust());
        expect((await stranger.call(CHECK, {}, { timeoutMs: 3000 })).code).not.toBe(0);
      }
      const url = `https://127.0.0.1:${api.listener.httpPort}/ready`;
      const tls = {
        ca: readFileSync(issued.ca, "utf8"),
        cert: readFileSync(issued.client.cert, "utf8"),
        key: readFileSync(issued.client.key, "utf8"),
      };
      expect((await fetch(url, { tls })).status).toBe(200);
      await expect(fetch(url, { tls: { ca: tls.ca } })).rejects.toThrow();
    },
    TIMEOUT_MS,
  );
});
