/**
 * Every flag of the command line. A setting's flag is its path with dashes for underscores, unless
 * Tempo names it otherwise; the other names of a setting are flags, too. Flags of Tempo that have
 * no meaning here or no part yet fall into the same classes as keys of the file.
 */

import { multitenancyEnabled, settings } from "./settings.ts";
import { type AnySetting, flatten, type Inert, inert, type Unbuilt, unbuilt } from "./table/key.ts";
import { root } from "./table/root.ts";
import { count, text, textList, toggle, type Value } from "./value/value.ts";

/** What the process is asked to do, beside its configuration. */
export type Command = "config.file" | "config.expand-env" | "config.verify" | "version" | "help";

export interface Flag {
  readonly name: string;
  /** May stand without a value. */
  readonly boolean: boolean;
  readonly about: string;
  readonly means: Command | SettingFlag | Inert | Unbuilt;
}

export interface SettingFlag {
  readonly kind: "setting";
  readonly setting: AnySetting;
  /** Said when the flag is used. */
  readonly deprecated?: string;
}

const commands: readonly Flag[] = [
  command("config.file", false, "The configuration file, in YAML."),
  command("config.expand-env", true, "Replace variables of the environment in the file."),
  command("config.verify", true, "Check the configuration and exit: 0 when it has no warnings."),
  command("version", true, "Print the version and exit."),
  command("help", true, "Print the flags and exit."),
];

const canonical = settings.map((one: AnySetting) => settingFlag(flagName(one), one));

const aliases: readonly Flag[] = flatten(root)
  .flatMap(({ path, key }) => (key.kind === "alias" ? [{ path, of: key.of }] : []))
  .filter(({ path }) => path !== "auth_enabled")
  .map(({ path, of }) => settingFlag(dashed(path), of));

const multitenancy: AnySetting = multitenancyEnabled;

const tempo: readonly Flag[] = [
  {
    ...settingFlag("auth.enabled", multitenancy),
    means: {
      kind: "setting",
      setting: multitenancy,
      deprecated: "is deprecated; use -multitenancy.enabled",
    },
  },
  other("health", unbuilt(toggle, "the health probe is")),
  other("health.url", unbuilt(text, "the health probe is")),
  other("query-frontend.mcp-server.enabled", unbuilt(toggle, "the MCP server is")),
  other(
    "config.enable-legacy-overrides",
    inert(toggle, "both shapes of the overrides are always read"),
  ),
  other("memberlist.host-port", inert(textList, "one process has no peers")),
  other("memberlist.bind-port", inert(count, "one process has no peers")),
  other("enable-go-runtime-metrics", inert(toggle, "this is no Go program")),
  other("mem-ballast-size-mbs", inert(count, "this is no Go program")),
  other("memberlist.message-history-buffer-bytes", inert(count, "one process has no peers")),
  other("span-profiling", inert(toggle, "this is no Go program")),
  other("block-profile-threshold", inert(count, "this is no Go program")),
  other("mutex-profile-fraction", inert(count, "this is no Go program")),
  other("use-otel-tracer", inert(toggle, "this is no Go program")),
  other("search.enabled", inert(toggle, "search needs no switch")),
];

export const flags: ReadonlyMap<string, Flag> = new Map(
  [...commands, ...canonical, ...aliases, ...tempo].map((flag) => [flag.name, flag]),
);

/** What -help prints: the flags that do something, in Go's form. */
export function helpText(): string {
  const lines = [...commands, ...canonical].map(({ name, about, boolean, means }) => {
    const given = typeof means === "object" && means.kind === "setting" ? means.setting : undefined;
    const fallback = given === undefined ? "" : given.value.print(given.fallback);
    const shown = fallback === "" ? "" : ` (default ${String(fallback)})`;
    return `  -${name}${boolean ? "" : " value"}\n    \t${about}${shown}`;
  });
  return ["Usage: vivace [flags]", "", "Flags, with one dash or two:", ...lines, ""].join("\n");
}

function command(name: Command, boolean: boolean, about: string): Flag {
  return { name, boolean, about, means: name };
}

function settingFlag(name: string, setting: AnySetting): Flag {
  const means = { kind: "setting", setting } as const;
  return { name, boolean: setting.value.boolean, about: setting.about, means };
}

function other(name: string, means: Inert | Unbuilt): Flag {
  const kind: Value<unknown> = means.value;
  return { name, boolean: kind.boolean, about: "", means };
}

function flagName(setting: AnySetting): string {
  return setting.flag ?? dashed(setting.path);
}

function dashed(path: string): string {
  return path.replaceAll("_", "-");
}
