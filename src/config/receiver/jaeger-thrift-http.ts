/** Jaeger's collector over HTTP: `jaeger.protocols.thrift_http`. */
import type { JaegerThriftHttpReceiver } from "../config.ts";
import { httpSettings, readHttp } from "./http-settings.ts";
import { endpointSetting, maxRequestBodySize } from "./receiver-setting.ts";
import type { ReceiverType } from "./receiver-type.ts";

export const jaegerHttpEndpoint = endpointSetting(
  14268,
  "Where Jaeger's Thrift over HTTP is received.",
);

export const jaegerThriftHttp: ReceiverType<JaegerThriftHttpReceiver> = {
  kind: "jaeger_thrift_http",
  type: "jaeger",
  below: "protocols.thrift_http",
  transport: "tcp",
  byDefault: true,
  settings: [jaegerHttpEndpoint, ...httpSettings],
  sizePath: maxRequestBodySize.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(jaegerHttpEndpoint);
    return { kind: "jaeger_thrift_http", name, listenAddress, listenPort, ...readHttp(at) };
  },
  serves: () => "Jaeger Thrift over HTTP, POST /api/traces",
};
