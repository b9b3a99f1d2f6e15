/** Which receivers open, from what stands below `distributor.receivers`. */
import type { Receiver } from "./config.ts";
import type { Given, Instance, Walked } from "./file/walk.ts";
import type { Finding } from "./finding.ts";
import type { ReadSetting } from "./receiver/receiver-type.ts";
import { receiverPath, receiverTypes } from "./receiver/receiver-types.ts";

export interface OpenReceivers {
  readonly receivers: readonly Receiver[];
  readonly problems: readonly Finding[];
}

const types = Object.values(receiverTypes);

/** Without a word about receivers those of Tempo open, and OTLP over HTTP. */
export function openReceivers(walked: Walked): OpenReceivers {
  if (walked.instances.length === 0) {
    const usual = types.filter(({ byDefault }) => byDefault);
    const receivers = usual.map((type) => type.make(type.type, (setting) => setting.fallback));
    return { receivers, problems: [] };
  }
  const given = new Map(walked.given.map((one) => [one.path, one]));
  const receivers = walked.instances.flatMap((instance) => openInstance(instance, walked, given));
  const problems = walked.instances.flatMap((instance) => silentInstance(instance, walked));
  return { receivers, problems };
}

function openInstance(
  { type, name }: Instance,
  walked: Walked,
  given: ReadonlyMap<string, Given>,
): Receiver[] {
  return types
    .filter((one) => one.type === type && walked.present.has(receiverPath(name, one.below)))
    .map((one) => one.make(name, reader(receiverPath(name, one.below), given)));
}

function reader(path: string, given: ReadonlyMap<string, Given>): ReadSetting {
  return <T>(setting: { readonly path: string; readonly fallback: T }): T => {
    const found = given.get(`${path}.${setting.path}`);
    // The value was read by this setting's own kind.
    return found === undefined ? setting.fallback : (found.value as T);
  };
}

/** Nothing opens of an instance that names no protocol, also none that is not built. */
function silentInstance({ type, name, path, source }: Instance, walked: Walked): Finding[] {
  const blocks = types.filter((one) => one.type === type).map(({ below }) => below);
  if (blocks.length === 0 || blocks.includes("")) return [];
  if (blocks.some((below) => walked.present.has(receiverPath(name, below)))) return [];
  const prefix = `${receiverPath(name, PROTOCOLS)}.`;
  if ([...walked.present.keys()].some((key) => key.startsWith(prefix))) return [];
  const protocols = blocks.filter((below) => below.startsWith(`${PROTOCOLS}.`));
  const names = protocols.map((below) => `${below.slice(PROTOCOLS.length + 1)}:`);
  const added = `protocols: with ${names.join(" or ")}`;
  const message = `names no protocol, so nothing opens; add ${added} below it`;
  return [{ source, path, message }];
}

const PROTOCOLS = "protocols";
