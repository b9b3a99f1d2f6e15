/**
 * The configuration in force as YAML in Tempo's shape, for `/status/config`. Every key that it
 * shows is honoured, and the text can be loaded again. Secrets show as asterisks.
 */
import { isDeepStrictEqual } from "node:util";
import { stringify } from "yaml";
import type { Config, Receiver } from "./config.ts";
import { defaultConfig } from "./load-config.ts";
import { receiverKeys, typeOf } from "./receiver/receiver-types.ts";
import { settings } from "./settings.ts";
import type { Setting } from "./table/key.ts";
import type { Value } from "./value/value.ts";

/** As Tempo's `?mode=`: all, the defaults instead, or only what differs from them. */
export const configModes = ["effective", "defaults", "diff"] as const;
export type ConfigMode = (typeof configModes)[number];

export function effectiveConfig(config: Config, mode: ConfigMode = "effective"): string {
  const defaults = defaultConfig();
  const shown = mode === "defaults" ? defaults : config;
  const rows = rowsOf(shown);
  if (mode !== "diff") return toYaml(rows);
  const usual = new Map(rowsOf(defaults).map((row) => [pathText(row), row.value]));
  // Lists are made anew when they are shown.
  return toYaml(rows.filter((row) => !isDeepStrictEqual(usual.get(pathText(row)), row.value)));
}

export interface ConfigRow {
  /** Keys from the outermost in; a receiver's name may hold dots. */
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Nested as the paths say, in the order of the rows. */
export function toYaml(rows: readonly ConfigRow[]): string {
  const top = new Map<string, unknown>();
  for (const { path, value } of rows) {
    let at = top;
    for (const part of path.slice(0, -1)) {
      const inner = at.get(part);
      const next = inner instanceof Map ? inner : new Map<string, unknown>();
      at.set(part, next);
      at = next;
    }
    at.set(path[path.length - 1], value);
  }
  return stringify(top, { lineWidth: 0 });
}

/** One setting as the file would have it; a secret is masked by its own kind. */
export function rowOf<Owner>(
  setting: Setting<unknown, Owner>,
  owner: Owner,
  prefix: readonly string[] = [],
): ConfigRow {
  const path = [...prefix, ...setting.path.split(".")];
  return { path, value: setting.value.print(setting.read(owner)) };
}

function rowsOf(config: Config): ConfigRow[] {
  const own = settings.map((setting: Setting<unknown>) => rowOf(setting, config));
  const storage = own.findIndex((row) => row.path[0] === "storage");
  return own.toSpliced(storage, 0, ...config.receivers.flatMap(receiverRows));
}

/** Less what asks for nothing: most receivers have no TLS, for example. */
function receiverRows(receiver: Receiver): ConfigRow[] {
  return typeOf(receiver)
    .settings.filter((setting) => !isOff(setting.value, setting.read(receiver)))
    .map((setting) => rowOf(setting, receiver, receiverKeys(receiver)));
}

function isOff(kind: Value<unknown>, value: unknown): boolean {
  return kind.off.some((off) =>
    [value, kind.print(value)].some((one) => isDeepStrictEqual(off, one)),
  );
}

function pathText(row: ConfigRow): string {
  return row.path.join("\0");
}
