/** Which ports the process listens on, known before its threads begin to. */
import { createSocket } from "node:dgram";
import { createServer, isIPv6 } from "node:net";
import { EngineError } from "../base/error.ts";
import type { Config } from "../config/config.ts";
import { typeOf } from "../config/receiver/receiver-types.ts";

/**
 * All ports that are to be listened on, with free ones in place of 0. Throws EngineError for one
 * that is taken.
 */
export async function freePorts(config: Config): Promise<Pick<Config, "receivers" | "server">> {
  // Until all are found: what was let go of may be found again.
  const held: (() => Promise<void>)[] = [];
  try {
    const receivers = [];
    for (const receiver of config.receivers) {
      const find = typeOf(receiver).transport === "udp" ? freeUdpPort : freePort;
      const listenPort = await find(receiver.listenAddress, receiver.listenPort, held);
      receivers.push({ ...receiver, listenPort });
    }
    const { httpListenAddress, httpListenPort, grpcListenAddress, grpcListenPort } = config.server;
    const server = {
      ...config.server,
      httpListenPort: await freePort(httpListenAddress, httpListenPort, held),
      grpcListenPort: await freePort(grpcListenAddress, grpcListenPort, held),
    };
    return { receivers, server };
  } finally {
    await Promise.all(held.map((release) => release()));
  }
}

/**
 * The port, or a free one in place of 0, which goes to `held`. Listeners share ports among our
 * threads, which would let them share a stranger's, too, and would give each thread another one
 * for 0.
 */
async function freePort(
  hostname: string,
  port: number,
  held: (() => Promise<void>)[],
): Promise<number> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once("error", reject);
      probe.listen({ host: hostname, port, exclusive: true }, resolve);
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError("overloaded", `cannot listen on ${hostname}:${port}: ${reason}`);
  }
  const address = probe.address();
  const release = () => new Promise<void>((resolve) => probe.close(() => resolve()));
  if (port === 0) held.push(release);
  else await release();
  return typeof address === "object" && address !== null ? address.port : port;
}

async function freeUdpPort(
  hostname: string,
  port: number,
  held: (() => Promise<void>)[],
): Promise<number> {
  const probe = createSocket(isIPv6(hostname) ? "udp6" : "udp4");
  const bound = Promise.withResolvers<void>();
  probe.once("error", bound.reject);
  probe.bind({ port, address: hostname, exclusive: true }, bound.resolve);
  const release = () => new Promise<void>((resolve) => probe.close(() => resolve()));
  try {
    await bound.promise;
  } catch (error) {
    probe.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineError("overloaded", `cannot listen on udp ${hostname}:${port}: ${reason}`);
  }
  const found = probe.address().port;
  if (port === 0) held.push(release);
  else await release();
  return found;
}
