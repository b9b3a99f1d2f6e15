/**
 * What Jaeger's clients shall sample: `jaeger.remote_sampling`, told over HTTP here and over gRPC
 * by the gRPC receiver of the same name.
 */
import type { JaegerSamplingReceiver } from "../config.ts";
import type { Setting } from "../table/key.ts";
import { wholeMs } from "../value/bounded.ts";
import type { Endpoint } from "../value/endpoint.ts";
import { endpoint, text } from "../value/value.ts";
import { receiverSetting } from "./receiver-setting.ts";
import type { ReceiverType } from "./receiver-type.ts";

export const samplingEndpoint: Setting<Endpoint, JaegerSamplingReceiver> = receiverSetting<
  Endpoint,
  JaegerSamplingReceiver
>({
  path: "host_endpoint",
  value: endpoint,
  fallback: { address: "127.0.0.1", port: 5778 },
  about: "Where clients ask over HTTP what to sample.",
  read: (receiver) => ({ address: receiver.listenAddress, port: receiver.listenPort }),
});

export const samplingFile = receiverSetting<string, JaegerSamplingReceiver>({
  path: "strategy_file",
  value: text,
  fallback: "",
  about: "Strategies in Jaeger's format; without a file one trace in a thousand is sampled.",
  read: (receiver) => receiver.strategyFile,
});

export const samplingReload = receiverSetting<number, JaegerSamplingReceiver>({
  path: "strategy_file_reload_interval",
  value: wholeMs(),
  fallback: 1000,
  about: "How often the file is looked at for changes; 0 is never.",
  read: (receiver) => receiver.reloadIntervalMs,
});

export const jaegerSampling: ReceiverType<JaegerSamplingReceiver> = {
  kind: "jaeger_remote_sampling",
  type: "jaeger",
  below: "remote_sampling",
  transport: "tcp",
  byDefault: false,
  settings: [samplingEndpoint, samplingFile, samplingReload],
  sizePath: samplingEndpoint.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(samplingEndpoint);
    return {
      kind: "jaeger_remote_sampling",
      name,
      listenAddress,
      listenPort,
      requestBytesMax: 0,
      strategyFile: at(samplingFile),
      reloadIntervalMs: at(samplingReload),
    };
  },
  serves: () => "sampling strategies for Jaeger's clients, GET /sampling",
};
