/**
 * A UDP socket with a large buffer, and what the system says of packets that it lost.
 *
 * Packets that come while the thread is busy wait in the system's buffer; what does not fit there
 * is lost without a word to the sender. So the buffer is asked for large, it is said when the
 * system gives less, and the losses are looked up while the socket is open.
 *
 * On node:dgram: Bun's own sockets cannot set the buffer.
 */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Logger } from "../base/log.ts";
import { type UdpAddress, udpDrops } from "./udp-drops.ts";

export interface UdpSocketOptions {
  readonly hostname: string;
  /** Zero: any free one. */
  readonly port: number;
  readonly bufferBytes: number;
}

export interface UdpSocketParts {
  readonly logger: Logger;
  /** The packet is the receiver's; it must not throw. */
  readonly onPacket: (packet: Uint8Array) => void;
  /** So many more were lost in the system's buffer. */
  readonly onDrops: (packets: number) => void;
}

const LOOK_MS = 1000;
/** Of usual packets: of 1,400 bytes, which take so much of the buffer, 20,000 a second. */
const PACKET_BUFFER_BYTES = 2304;
const PACKETS_A_MS = 20;
/** Between two lines of the log about losses, which are counted in any case. */
const QUIET_LOOKS = 30;

export class UdpSocket {
  readonly address: UdpAddress;
  readonly #socket: Socket;
  readonly #parts: UdpSocketParts;
  readonly #timer: ReturnType<typeof setInterval>;
  #drops = 0;
  #unsaid = 0;
  #quietLooks = 0;

  /** Resolves when packets are taken; rejects when the address cannot be had. */
  static async open(options: UdpSocketOptions, parts: UdpSocketParts): Promise<UdpSocket> {
    const { hostname, port, bufferBytes } = options;
    const type = isIPv6(hostname) ? "udp6" : "udp4";
    const socket = createSocket({ type, recvBufferSize: bufferBytes });
    const bound = Promise.withResolvers<void>();
    socket.once("error", bound.reject);
    socket.bind({ port, address: hostname }, bound.resolve);
    await bound.promise;
    socket.off("error", bound.reject);
    return new UdpSocket(socket, bufferBytes, parts);
  }

  private constructor(socket: Socket, bufferBytes: number, parts: UdpSocketParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.address = socket.address();
    socket.on("message", parts.onPacket);
    socket.on("error", (error) => parts.logger.error("receiver failed", { error: error.message }));
    this.#checkBuffer(bufferBytes);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** So long nobody need read: what comes in that time finds room in the system's buffer. */
  get bufferedMs(): number {
    return this.#socket.getRecvBufferSize() / PACKET_BUFFER_BYTES / PACKETS_A_MS;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#look();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  /** Linux doubles what it was asked for, to have room for its own, and says the double. */
  #checkBuffer(bufferBytes: number): void {
    const given = this.#socket.getRecvBufferSize() / 2;
    if (given >= bufferBytes) return;
    this.#parts.logger.warn("the receive buffer is smaller than asked for: bursts may be lost", {
      port: this.address.port,
      asked: bufferBytes,
      given,
      advice: `sysctl -w net.core.rmem_max=${bufferBytes}`,
    });
  }

  #look(): void {
    const drops = udpDrops(this.address) ?? 0;
    if (drops > this.#drops) {
      this.#parts.onDrops(drops - this.#drops);
      this.#unsaid += drops - this.#drops;
      this.#drops = drops;
    }
    if (this.#quietLooks > 0) this.#quietLooks -= 1;
    else if (this.#unsaid > 0) {
      const lost = { port: this.address.port, packets: this.#unsaid };
      this.#parts.logger.warn("packets were lost in the receive buffer", lost);
      this.#unsaid = 0;
      this.#quietLooks = QUIET_LOOKS;
    }
  }
}
