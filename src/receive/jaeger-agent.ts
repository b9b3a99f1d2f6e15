/**
 * What a Jaeger agent does: takes calls of emitBatch over UDP, in either protocol of Thrift.
 *
 * A packet has no answer, so nobody waits: packets are translated as they come, and a moment's
 * packets are offered as one request, so that they share one write to the disk. A request does not
 * wait for the answer to the one before it: while packets come faster than they are read, the
 * runtime reads on and hears of no answer.
 *
 * What cannot be taken is counted: packets that are no call, packets over the queue, and those of
 * requests that the engine refused.
 *
 * Invariants:
 * (1) Packets read and not yet durable are at most queuePackets, their bytes at most bytesMax, as
 *     OTLP.
 * (2) What is gathered or offered holds its bytes in flight; at rest nothing does.
 *
 * Threads: one ingress Worker, as a UDP socket is not shared.
 */
import { assert } from "../base/assert.ts";
import { KiB, MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { parseTenant } from "../model/tenant.ts";
import { InFlight, type Reservation } from "./in-flight.ts";
import { JaegerGather } from "./jaeger-gather.ts";
import { JaegerRequest } from "./jaeger-request.ts";
import { samplePacket } from "./jaeger-sample.ts";
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

/** At this size a request is offered at once. */
const REQUEST_BYTES = 512 * KiB;
/** And beyond this it does not grow: the engine might have no room for it at all. */
const REQUEST_BYTES_MAX = 4 * MiB;
/** Of one packet as OTLP: the smallest tag has five bytes and becomes less than sixty. */
const PACKET_OTLP_BYTES_MAX = MiB;
/** Packets of so long are one request; much shorter than anyone would see. */
const GATHER_MS = 20;
/** Until a packet costs what it does from then on. */
const WARM_PACKETS = 2000;
const WARM_STEP = 100;
const TAKEN: Verdict = {
  outcome: "stored",
  accepted: 0,
  rejected: {
    ...{ invalidTraceId: 0, invalidSpanId: 0, invalidUtf8: 0, overLimit: 0 },
    ...{ traceTooLarge: 0, liveTraces: 0 },
  },
};
/** Without headers there is one tenant only. */
const TENANT = parseTenant(null, false);

export class JaegerAgent {
  readonly #options: JaegerAgentOptions;
  readonly #parts: JaegerAgentParts;
  readonly #reader: ThriftReader;
  readonly #packet = new JaegerRequest(PACKET_OTLP_BYTES_MAX);
  readonly #gather: JaegerGather;
  /** Of what is gathered. */
  #packets = 0;
  #bytes = 0;
  #reservation: Reservation | undefined;
  /** Gathered or offered. */
  #waitingPackets = 0;
  /** Offered and not answered, as OTLP. */
  #offeredBytes = 0;
  #isScheduled = false;

  constructor(options: JaegerAgentOptions, parts: JaegerAgentParts) {
    this.#options = options;
    this.#parts = parts;
    this.#gather = new JaegerGather(options.bytesMax);
    this.#reader =
      options.protocol === "compact" ? new ThriftCompactReader() : new ThriftBinaryReader();
  }

  /** Never throws for what is in the packet. */
  take(packet: Uint8Array): void {
    const gather = this.#gather;
    try {
      this.#checkRoom(packet);
      this.#packet.clear();
      this.#reader.begin(packet);
      readEmitBatch(this.#reader, this.#packet);
      this.#reservation ??= this.#parts.inFlight.reserve(TENANT);
      this.#reservation.hold(gather.length + this.#packet.out.length);
      gather.add(this.#packet);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (this.#packets === 0) this.#release();
      this.#parts.meter.refused(TENANT, error.code);
      return;
    }
    this.#packets += 1;
    this.#bytes += packet.length;
    this.#waitingPackets += 1;
    if (gather.length >= REQUEST_BYTES) this.#offer();
    else this.#schedule();
  }

  /**
   * Reads packets of its own into nothing, before the first one comes: code that has not run is
   * slow, and what comes meanwhile fills the system's buffer. All is of the kinds that come later:
   * what is compiled for two is slower than for one.
   */
  static async warm(protocol: JaegerAgentOptions["protocol"], logger: Logger): Promise<void> {
    const bytesMax = 2 * REQUEST_BYTES_MAX;
    // As the runtime hands packets over.
    const packet = Buffer.from(samplePacket(protocol));
    const inFlight = new InFlight({ bytesMax: 2 * bytesMax, tenantBytesMax: undefined });
    const sink = { offer: () => Promise.resolve(TAKEN) };
    const refused = (_: string, reason: string) => assert(false, `a packet of our own: ${reason}`);
    const agent = new JaegerAgent(
      { protocol, packetBytesMax: packet.length, queuePackets: WARM_PACKETS, bytesMax },
      { sink, inFlight, logger, meter: { stored: () => {}, refused } },
    );
    for (let i = 0; i < WARM_PACKETS; i++) {
      agent.take(packet);
      // What was offered is answered, and compilers have their turn.
      if (i % WARM_STEP === 0) await new Promise(setImmediate);
    }
    while (inFlight.requests > 0) await Bun.sleep(1);
  }

  /** So many more were lost before they came here. */
  lost(packets: number): void {
    this.#parts.meter.refused(TENANT, "lost_in_receive_buffer", { requests: packets });
  }

  #checkRoom(packet: Uint8Array): void {
    if (packet.length > this.#options.packetBytesMax) {
      throw new EngineError("too_large", "packet over the limit");
    }
    const { length } = this.#gather;
    const room = Math.min(REQUEST_BYTES_MAX, this.#options.bytesMax - this.#offeredBytes) - length;
    if (room < PACKET_OTLP_BYTES_MAX || this.#waitingPackets >= this.#options.queuePackets) {
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
    if (this.#packets === 0) return;
    const { meter, sink } = this.#parts;
    const packets = this.#packets;
    const request = this.#gather.finish();
    let offered: Promise<Verdict> | undefined;
    try {
      offered = sink.offer(TENANT, request);
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
    const otlpBytes = request.length;
    const reservation = this.#taken();
    this.#offeredBytes += otlpBytes;
    void offered.then((verdict) => {
      this.#offeredBytes -= otlpBytes;
      this.#waitingPackets -= packets;
      reservation?.release();
      this.#answered(verdict, { packets, bytes });
    });
  }

  /** What was gathered is somebody else's from here on; its reservation. */
  #taken(): Reservation | undefined {
    const reservation = this.#reservation;
    this.#packets = 0;
    this.#bytes = 0;
    this.#reservation = undefined;
    this.#gather.clear();
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
