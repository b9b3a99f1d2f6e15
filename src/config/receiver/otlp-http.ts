/** OTLP over HTTP: `otlp.protocols.http`. */
import type { OtlpHttpReceiver } from "../config.ts";
import { parsed, urlPath } from "../value/value.ts";
import { httpSettings, readHttp } from "./http-settings.ts";
import { endpointSetting, maxRequestBodySize, receiverSetting } from "./receiver-setting.ts";
import type { ReceiverType } from "./receiver-type.ts";

export const otlpHttpEndpoint = endpointSetting(4318, "Where OTLP over HTTP is received.");

const TRACES_PATH = "/v1/traces";

export const otlpHttpTracesUrlPath = receiverSetting<string, OtlpHttpReceiver>({
  path: "traces_url_path",
  // The Collector adds the slash, too.
  value: { ...urlPath, schema: parsed((raw) => urlPath.schema.safeParse(withSlash(raw)).data) },
  fallback: TRACES_PATH,
  about: "Path to which traces are posted.",
  read: (receiver) => receiver.tracesUrlPath,
});

function withSlash(path: unknown): unknown {
  if (path === "") return TRACES_PATH;
  return typeof path === "string" && !path.startsWith("/") ? `/${path}` : path;
}

export const otlpHttp: ReceiverType<OtlpHttpReceiver> = {
  kind: "otlp_http",
  type: "otlp",
  below: "protocols.http",
  transport: "tcp",
  byDefault: true,
  settings: [otlpHttpEndpoint, ...httpSettings, otlpHttpTracesUrlPath],
  sizePath: maxRequestBodySize.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(otlpHttpEndpoint);
    return {
      kind: "otlp_http",
      name,
      listenAddress,
      listenPort,
      ...readHttp(at),
      tracesUrlPath: at(otlpHttpTracesUrlPath),
    };
  },
  serves: (receiver) => `OTLP/HTTP, POST ${receiver.tracesUrlPath}`,
};
