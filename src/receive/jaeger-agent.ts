/**
 * What a Jaeger agent does: takes calls of emitBatch over UDP, in either protocol of Thrift.
 *
 * A packet has no answer, so nobody waits: packets are translated as they come into one request,
 * which is offered a moment later, when those before it are answered. So a moment's packets share
 * one write to the disk.
 *
 * What cannot be taken is counted: packets that are no call, packets over the queue, and those of
 * requests that the engine refused.
 *
 * Invariants:
 * (1) Packets read and not yet durable are at most queuePackets, their bytes at most bytesMax.
 * (2) What is gathered or offered holds its bytes in flight; at rest nothing does.
 *
 * Threads: one ingress Worker, as a UDP socket is not shared.
 */
import { KiB, MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { parseTenant } from "../model/tenant.ts";
import type { InFlight, Reservation } from "./in-flight.ts";
import { JaegerRequest } from "./jaeger-request.ts";
import { readEmitBatch } from "./jaeger-thrift.ts";
import { rejectedCount } from "./otlp-response.ts";
import type { ReceiveMeter, RequestSink, Verdict } from "./receive.ts";
import type { ThriftReader } from "./thrift.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";
import { ThriftCompactReader } from "./thrift-compact.ts";

export interface JaegerAgentOptions {
  readonly protocol: "compact" | "binary";
  readonly packetBytesMax: number;
  readonly queuePackets: number;
  /** Of what is gathered, as OTLP. */
  readonly bytesMax: number;
}

export interface JaegerAgentParts {
  readonly sink: RequestSink;
  readonly meter: ReceiveMeter;
  readonly inFlight: InFlight;
  readonly logger: Logger;
}

/** Offered and not answered; one is written while the next one lies in the ring. */
const REQUESTS_MAX = 2;
/** At this size a request is offered at once. */
const REQUEST_BYTES = 512 * KiB;
/** Of one packet as OTLP: the smallest tag has five bytes and becomes less than sixty. */
const PACKET_OTLP_BYTES_MAX = MiB;
/** Packets of so long are one request; much shorter than anyone would see. */
const GATHER_MS = 10;
/** Without headers there is one tenant only. */
const TENANT = parseTenant(null, false);

export class JaegerAgent {
  readonly #options: JaegerAgentOptions;
  readonly #parts: JaegerAgentParts;
  readonly #reader: ThriftReader;
  readonly #request: JaegerRequest;
  /** Of what is gathered. */
  #packets = 0;
  #bytes = 0;
  #reservation: Reservation | undefined;
  /** Gathered or offered. */
  #waitingPackets = 0;
  #offers = 0;
  #isScheduled = false;

  constructor(options: JaegerAgentOptions, parts: JaegerAgentParts) {
    this.#options = options;
    this.#parts = parts;
    this.#request = new JaegerRequest(options.bytesMax);
    this.#reader =
      options.protocol === "compact" ? new ThriftCompactReader() : new ThriftBinaryReader();
  }

  /** Never throws for what is in the packet. */
  take(packet: Uint8Array): void {
    const { out } = this.#request;
    const before = out.length;
    try {
      this.#checkRoom(packet);
      this.#reader.begin(packet);
      readEmitBatch(this.#reader, this.#request);
      this.#reservation ??= this.#parts.inFlight.reserve(TENANT);
      this.#reservation.hold(out.length);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      out.cut(before);
      this.#request.abandon();
      if (this.#packets === 0) this.#release();
      this.#parts.meter.refused(TENANT, error.code);
      return;
    }
    this.#packets += 1;
    this.#bytes += packet.length;
    this.#waitingPackets += 1;
    if (out.length >= REQUEST_BYTES) this.#offer();
    else this.#schedule();
  }

  /** So many more were lost before they came here. */
  lost(packets: number): void {
    this.#parts.meter.refused(TENANT, "lost_in_receive_buffer", { requests: packets });
  }

  #checkRoom(packet: Uint8Array): void {
    if (packet.length > this.#options.packetBytesMax) {
      throw new EngineError("too_large", "packet over the limit");
    }
    const isFull = this.#request.out.length > this.#options.bytesMax - PACKET_OTLP_BYTES_MAX;
    if (isFull || this.#waitingPackets >= this.#options.queuePackets) {
      throw new EngineError("overloaded", "too many packets wait for the disk");
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      this.#offer();
    }, GATHER_MS);
  }

  #offer(): void {
    const { out } = this.#request;
    if (this.#packets === 0 || this.#offers >= REQUESTS_MAX) return;
    const { meter, sink } = this.#parts;
    const packets = this.#packets;
    let offered: Promise<Verdict> | undefined;
    try {
      offered = sink.offer(TENANT, out.written());
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.#taken()?.release();
      this.#waitingPackets -= packets;
      meter.refused(TENANT, error.code, { requests: packets, spans: error.spans });
      return;
    }
    if (offered === undefined) {
      this.#schedule(); // there may be no answer under way to wake us
      return;
    }
    const bytes = this.#bytes;
    const reservation = this.#taken();
    this.#offers += 1;
    void offered.then((verdict) => {
      this.#offers -= 1;
      this.#waitingPackets -= packets;
      reservation?.release();
      this.#answered(verdict, { packets, bytes });
      // What has gathered since the last one was offered and could not go.
      if (!this.#isScheduled) this.#offer();
    });
  }

  /** What was gathered is somebody else's from here on; its reservation. */
  #taken(): Reservation | undefined {
    const reservation = this.#reservation;
    this.#packets = 0;
    this.#bytes = 0;
    this.#reservation = undefined;
    this.#request.clear();
    return reservation;
  }

  #answered(verdict: Verdict, { packets, bytes }: { packets: number; bytes: number }): void {
    const { meter, logger } = this.#parts;
    if (verdict.outcome === "stored") {
      meter.stored(TENANT, bytes, verdict);
      return;
    }
    const spans = rejectedCount(verdict.rejected) || undefined;
    meter.refused(TENANT, verdict.outcome, { requests: packets, spans });
    if (verdict.outcome !== "malformed") return;
    logger.error("translated packets are no request", { packets });
  }

  #release(): void {
    this.#reservation?.release();
    this.#reservation = undefined;
  }
}
