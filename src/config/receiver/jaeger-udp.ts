/** Jaeger's agent over UDP: `jaeger.protocols.thrift_compact` and `thrift_binary`. */
import type { JaegerBinaryReceiver, JaegerCompactReceiver, UdpConfig } from "../config.ts";
import {
  UDP_BUFFER_BYTES_DEFAULT,
  UDP_BUFFER_BYTES_MAX,
  UDP_PACKET_BYTES_DEFAULT,
  UDP_PACKET_BYTES_MAX,
  UDP_QUEUE_PACKETS_DEFAULT,
} from "../limits.ts";
import type { Setting } from "../table/key.ts";
import { formatByteSize } from "../value/byte-size.ts";
import { byteSize, count, type Value } from "../value/value.ts";
import { endpointSetting, receiverSetting } from "./receiver-setting.ts";
import type { ReadSetting, ReceiverType } from "./receiver-type.ts";

export const jaegerCompactEndpoint = endpointSetting(
  6831,
  "Where Jaeger's compact Thrift over UDP is received.",
);
export const jaegerBinaryEndpoint = endpointSetting(
  6832,
  "Where Jaeger's binary Thrift over UDP is received.",
);

/** Zero is the default. */
function bytesUpTo(max: number, fallback: number): Value<number> {
  const [most, usual] = [max, fallback].map(formatByteSize);
  return {
    ...byteSize,
    schema: byteSize.schema
      .transform((bytes) => (bytes === 0 ? fallback : bytes))
      .refine((bytes) => bytes <= max),
    expected: `a number of bytes up to ${most} (0 is the default of ${usual})`,
    // The Collector takes a plain number only; what we print can be pasted there.
    print: (bytes) => bytes,
  };
}

export const udpPacketBytes = receiverSetting<number>({
  path: "max_packet_size",
  value: bytesUpTo(UDP_PACKET_BYTES_MAX, UDP_PACKET_BYTES_DEFAULT),
  fallback: UDP_PACKET_BYTES_DEFAULT,
  about: "Larger packets are dropped, and counted.",
  read: (receiver) => receiver.requestBytesMax,
});

export const udpQueuePackets = receiverSetting<number, UdpConfig>({
  path: "queue_size",
  value: {
    ...count,
    schema: count.schema.transform((packets) => packets || UDP_QUEUE_PACKETS_DEFAULT),
    expected: `${count.expected} (0 is the default of ${UDP_QUEUE_PACKETS_DEFAULT})`,
  },
  fallback: UDP_QUEUE_PACKETS_DEFAULT,
  about: "Packets that wait until they are on disk; those over it are dropped, and counted.",
  read: (receiver) => receiver.queuePackets,
});

export const udpBufferBytes = receiverSetting<number, UdpConfig>({
  path: "socket_buffer_size",
  value: bytesUpTo(UDP_BUFFER_BYTES_MAX, UDP_BUFFER_BYTES_DEFAULT),
  fallback: UDP_BUFFER_BYTES_DEFAULT,
  about: "Receive buffer to ask the system for; it may give less.",
  read: (receiver) => receiver.bufferBytes,
});

const udpSettings = [udpPacketBytes, udpQueuePackets, udpBufferBytes] as const satisfies readonly [
  ...Setting<unknown, UdpConfig>[],
];

function readUdp(at: ReadSetting) {
  return {
    requestBytesMax: at(udpPacketBytes),
    queuePackets: at(udpQueuePackets),
    bufferBytes: at(udpBufferBytes),
  };
}

export const jaegerThriftCompact: ReceiverType<JaegerCompactReceiver> = {
  kind: "jaeger_thrift_compact",
  type: "jaeger",
  below: "protocols.thrift_compact",
  transport: "udp",
  byDefault: false,
  settings: [jaegerCompactEndpoint, ...udpSettings],
  sizePath: udpPacketBytes.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(jaegerCompactEndpoint);
    return { kind: "jaeger_thrift_compact", name, listenAddress, listenPort, ...readUdp(at) };
  },
  serves: () => "Jaeger compact Thrift over UDP",
};

export const jaegerThriftBinary: ReceiverType<JaegerBinaryReceiver> = {
  kind: "jaeger_thrift_binary",
  type: "jaeger",
  below: "protocols.thrift_binary",
  transport: "udp",
  byDefault: false,
  settings: [jaegerBinaryEndpoint, ...udpSettings],
  sizePath: udpPacketBytes.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(jaegerBinaryEndpoint);
    return { kind: "jaeger_thrift_binary", name, listenAddress, listenPort, ...readUdp(at) };
  },
  serves: () => "Jaeger binary Thrift over UDP",
};
