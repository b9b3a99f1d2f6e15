/** gRPC over TLS: who is let in by a certificate, and certificates that change. */
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TlsConfig } from "../../src/config/config.ts";
import { readTls } from "../../src/worker/receiver-tls.ts";
import { type Certificates, certificates, type Pair } from "../support/certificates.ts";
import { ExportClient, type GrpcReceiver, startGrpc } from "./start-grpc.ts";

let ours: Certificates;
let others: Certificates;

beforeAll(async () => {
  ours = await certificates();
  others = await certificates();
});
afterAll(() => {
  ours[Symbol.dispose]();
  others[Symbol.dispose]();
});

const TLS_12 = 0x0303;
const TLS_13 = 0x0304;

function tlsOf({ cert, key }: Pair, asksForCertificate: boolean) {
  return {
    cert: readFileSync(cert, "utf8"),
    key: readFileSync(key, "utf8"),
    ...(asksForCertificate && { ca: readFileSync(ours.ca, "utf8") }),
    requestCert: asksForCertificate,
    rejectUnauthorized: asksForCertificate,
    minVersion: TLS_12,
    maxVersion: TLS_13,
  };
}

/** By name: the client's library takes no address where a certificate is asked for. */
function clientOf({ port }: GrpcReceiver, pair?: Pair, ca = ours.ca): ExportClient {
  const [key, cert] = pair === undefined ? [] : [readFileSync(pair.key), readFileSync(pair.cert)];
  const ssl = credentials.createSsl(readFileSync(ca), key ?? null, cert ?? null);
  return new ExportClient(`localhost:${port}`, ssl, {});
}

test.each(["ours", "none", "another's"])("with a client's certificate: %s", async (whose) => {
  const receiver = await startGrpc({ tls: tlsOf(ours.server, true) });
  const pair = new Map([
    ["ours", ours.client],
    ["another's", others.client],
  ]).get(whose);
  const client = clientOf(receiver, pair);
  const { code } = await client.send(Buffer.alloc(10), { timeoutMs: 5000 });
  expect(code === 0).toBe(whose === "ours");
  expect(receiver.offered).toHaveLength(whose === "ours" ? 1 : 0);
  client.close();
  await receiver.stop();
});

test("HTTP/2 is agreed on, and spoken by those only who know it", async () => {
  const receiver = await startGrpc({ tls: tlsOf(ours.server, false) });
  const socket = connect({
    ...{ host: "127.0.0.1", port: receiver.port, ALPNProtocols: ["h2", "http/1.1"] },
    ca: readFileSync(ours.ca),
  });
  await new Promise((resolve, reject) =>
    socket.once("secureConnect", resolve).once("error", reject),
  );
  expect(socket.alpnProtocol).toBe("h2");
  socket.on("error", () => {}); // a reset; "close" follows
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await closed;
  await receiver.stop();
});

test("a certificate that is renewed is shown to those who come, and others stay", async () => {
  const receiver = await startGrpc({ tls: tlsOf(ours.server, false) });
  const before = clientOf(receiver);
  expect((await before.send(Buffer.alloc(10))).code).toBe(0);
  receiver.server.setTls(tlsOf(others.server, false));
  const after = clientOf(receiver, undefined, others.ca);
  expect((await after.send(Buffer.alloc(10))).code).toBe(0);
  expect((await before.send(Buffer.alloc(10))).code).toBe(0);
  before.close();
  after.close();
  await receiver.stop();
});

test("a file of clients' authorities without a certificate is told of at the start", () => {
  const tls: TlsConfig = {
    ...{ certFile: ours.server.cert, certPem: "", keyFile: ours.server.key, keyPem: "" },
    ...{ clientCaFile: "", clientCaReload: false, reloadIntervalMs: 0 },
    ...{ minVersion: "1.2", maxVersion: "1.3", cipherSuites: [], curvePreferences: [] },
  };
  expect(readTls({ ...tls, clientCaFile: ours.ca }).requestCert).toBe(true);
  expect(() => readTls({ ...tls, clientCaFile: ours.server.key })).toThrow("no certificate in");
});
