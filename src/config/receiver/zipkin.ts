/** Zipkin over HTTP: `zipkin` itself. */
import type { ZipkinReceiver } from "../config.ts";
import { toggle } from "../value/value.ts";
import { httpSettings, readHttp } from "./http-settings.ts";
import { endpointSetting, maxRequestBodySize, receiverSetting } from "./receiver-setting.ts";
import type { ReceiverType } from "./receiver-type.ts";

export const zipkinEndpoint = endpointSetting(9411, "Where Zipkin's formats are received.");

export const zipkinParseStringTags = receiverSetting<boolean, ZipkinReceiver>({
  path: "parse_string_tags",
  value: toggle,
  fallback: false,
  about: "Tags that look like numbers and booleans become such.",
  read: (receiver) => receiver.parseStringTags,
});

export const zipkin: ReceiverType<ZipkinReceiver> = {
  kind: "zipkin",
  type: "zipkin",
  below: "",
  transport: "tcp",
  byDefault: false,
  settings: [zipkinEndpoint, ...httpSettings, zipkinParseStringTags],
  sizePath: maxRequestBodySize.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(zipkinEndpoint);
    const parseStringTags = at(zipkinParseStringTags);
    return { kind: "zipkin", name, listenAddress, listenPort, ...readHttp(at), parseStringTags };
  },
  serves: () => "Zipkin, POST /api/v2/spans and /api/v1/spans",
};
