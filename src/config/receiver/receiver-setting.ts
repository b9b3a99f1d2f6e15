/** Settings that receivers of several kinds have; paths are relative to a receiver's block. */
import type { ReceiverBase } from "../config.ts";
import { REQUEST_BYTES_DEFAULT, REQUEST_BYTES_MAX } from "../limits.ts";
import type { Setting } from "../table/key.ts";
import { formatByteSize } from "../value/byte-size.ts";
import type { Endpoint } from "../value/endpoint.ts";
import { byteSize, endpoint, parsed } from "../value/value.ts";

export function receiverSetting<T, Owner = ReceiverBase>(
  one: Omit<Setting<T, Owner>, "kind">,
): Setting<T, Owner> {
  return { kind: "setting", ...one };
}

/** Where it listens when nothing is said: on this machine only, as in the Collector. */
export function endpointSetting(port: number, about: string): Setting<Endpoint, ReceiverBase> {
  const fallback = { address: "127.0.0.1", port };
  return receiverSetting<Endpoint>({
    path: "endpoint",
    value: {
      ...endpoint,
      schema: endpoint.schema.or(parsed((raw) => (raw === "" ? fallback : undefined))),
    },
    fallback,
    about,
    read: (receiver) => ({ address: receiver.listenAddress, port: receiver.listenPort }),
  });
}

const BODY_EXPECTED =
  `a number of bytes up to ${formatByteSize(REQUEST_BYTES_MAX)}, the largest request that a ring ` +
  `takes (0 is the default of ${formatByteSize(REQUEST_BYTES_DEFAULT)})`;

/** Of every receiver that speaks HTTP. */
export const maxRequestBodySize = receiverSetting<number>({
  path: "max_request_body_size",
  value: {
    ...byteSize,
    schema: byteSize.schema
      .transform((bytes) => (bytes === 0 ? REQUEST_BYTES_DEFAULT : bytes))
      .refine((bytes) => bytes <= REQUEST_BYTES_MAX),
    expected: BODY_EXPECTED,
    // The Collector takes a plain number only; what we print can be pasted there.
    print: (bytes) => bytes,
  },
  fallback: REQUEST_BYTES_DEFAULT,
  about: "Largest body, before and after decompression.",
  read: (receiver) => receiver.requestBytesMax,
});
