/** Which receivers open, from what stands below `distributor.receivers`. */
import type { OtlpHttpReceiver } from "./config.ts";
import type { Given, Instance, Walked } from "./file/walk.ts";
import type { Finding } from "./finding.ts";
import {
  otlpHttpEndpoint,
  otlpHttpRequestBytesMax,
  otlpHttpTracesUrlPath,
} from "./receiver-settings.ts";
import type { Setting } from "./table/key.ts";

export interface OpenReceivers {
  readonly receivers: readonly OtlpHttpReceiver[];
  readonly problems: readonly Finding[];
}

export const RECEIVERS_PATH = "distributor.receivers";

/** Where a receiver's keys stand in the file. */
export function otlpHttpPath(name: string): string {
  return `${RECEIVERS_PATH}.${name}.protocols.http`;
}

/** Without a word about receivers those that are built open, as in Tempo. */
export function openReceivers(walked: Walked): OpenReceivers {
  if (walked.instances.length === 0) {
    return { receivers: [makeReceiver("otlp", new Map())], problems: [] };
  }
  const given = new Map(walked.given.map((one) => [one.path, one]));
  const otlp = walked.instances.filter((instance) => instance.type === "otlp");
  const receivers = otlp
    .filter((instance) => walked.present.has(otlpHttpPath(instance.name)))
    .map((instance) => makeReceiver(instance.name, given));
  const problems = otlp
    .filter((instance) => !namesProtocol(instance, walked))
    .map(({ source, path }) => ({
      source,
      path,
      message: "names no protocol, so nothing opens; add protocols: with http: below it",
    }));
  return { receivers, problems };
}

/** Also a protocol that is not built: that has a sentence of its own. */
function namesProtocol(instance: Instance, walked: Walked): boolean {
  const prefix = `${instance.path}.protocols.`;
  return [...walked.present.keys()].some((path) => path.startsWith(prefix));
}

function makeReceiver(name: string, given: ReadonlyMap<string, Given>): OtlpHttpReceiver {
  const at = <T>(setting: Setting<T, OtlpHttpReceiver>): T => {
    const found = given.get(`${otlpHttpPath(name)}.${setting.path}`);
    // The value was read by this setting's own kind.
    return found === undefined ? setting.fallback : (found.value as T);
  };
  const endpoint = at(otlpHttpEndpoint);
  return {
    kind: "otlp_http",
    name,
    listenAddress: endpoint.address,
    listenPort: endpoint.port,
    requestBytesMax: at(otlpHttpRequestBytesMax),
    tracesUrlPath: at(otlpHttpTracesUrlPath),
  };
}
