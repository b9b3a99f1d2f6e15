/** What one `otlp` receiver takes below `protocols.http`; the paths are relative to that. */
import type { OtlpHttpReceiver } from "./config.ts";
import { REQUEST_BYTES_DEFAULT, REQUEST_BYTES_MAX } from "./limits.ts";
import type { AnySetting, Setting } from "./table/key.ts";
import { formatByteSize } from "./value/byte-size.ts";
import { byteSize, endpoint, urlPath } from "./value/value.ts";

const BODY_EXPECTED =
  `a number of bytes up to ${formatByteSize(REQUEST_BYTES_MAX)}, the largest request that a ring ` +
  `takes (0 is the default of ${formatByteSize(REQUEST_BYTES_DEFAULT)})`;

function receiverSetting<T>(
  one: Omit<Setting<T, OtlpHttpReceiver>, "kind">,
): Setting<T, OtlpHttpReceiver> {
  return { kind: "setting", ...one };
}

export const otlpHttpEndpoint = receiverSetting({
  path: "endpoint",
  value: endpoint,
  fallback: { address: "127.0.0.1", port: 4318 },
  about: "Where OTLP over HTTP is received.",
  read: (receiver) => ({ address: receiver.listenAddress, port: receiver.listenPort }),
});

export const otlpHttpRequestBytesMax = receiverSetting<number>({
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

export const otlpHttpTracesUrlPath = receiverSetting<string>({
  path: "traces_url_path",
  value: urlPath,
  fallback: "/v1/traces",
  about: "Path to which traces are posted.",
  read: (receiver) => receiver.tracesUrlPath,
});

export const otlpHttpSettings = [
  otlpHttpEndpoint,
  otlpHttpRequestBytesMax,
  otlpHttpTracesUrlPath,
] as const satisfies readonly AnySetting[];
