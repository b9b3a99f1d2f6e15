/**
 * From command line, environment and file to one checked configuration: flags over file over
 * defaults. Either everything is right, or one error holds everything that is not.
 */
import { isDeepStrictEqual } from "node:util";
import { readBucket } from "./bucket-settings.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import { readCompaction } from "./compaction-settings.ts";
import type { Config } from "./config.ts";
import { type Environment, expandEnvironment } from "./file/expand-env.ts";
import { placesOf } from "./file/places.ts";
import { type Given, type Ignored, type Walked, walk } from "./file/walk.ts";
import { parseYamlTree } from "./file/yaml-tree.ts";
import { ConfigError, type Finding, findingLines, sourceText } from "./finding.ts";
import { readGcs } from "./gcs-settings.ts";
import * as limits from "./limit-settings.ts";
import { CONFIG_FILE_BYTES_MAX } from "./limits.ts";
import * as queries from "./query-settings.ts";
import { openReceivers } from "./receivers.ts";
import { brokenRelations } from "./relations.ts";
import { readS3 } from "./s3-settings.ts";
import { grpcTls, httpTls, readServerTls } from "./server-tls.ts";
import * as known from "./settings.ts";
import { readSpanLog, spanLogs } from "./span-log-settings.ts";
import type { AnySetting, Setting } from "./table/key.ts";
import { root } from "./table/root.ts";

export interface LoadOptions {
  /** Without the program's own name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  /** Throws when there is no such file. */
  readonly readFile: (path: string) => Uint8Array;
}

export interface LoadedConfig {
  /** Frozen, in depth. */
  readonly config: Config;
  /** One line each; to be said once, at the start. */
  readonly warnings: readonly string[];
}

/** Throws ConfigError with all problems. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const line = parseCommandLine(options.argv);
  const file = readConfigFile(line, options);
  const { receivers, problems: receiverProblems } = openReceivers(file.walked);
  const conflicts: Finding[] = [];
  const chosen = new Map([
    ...chooseOne(file.walked.given, conflicts),
    ...chooseOne(line.given, conflicts),
  ]);
  const config = makeConfig(chosen, receivers);
  const problems = [
    ...line.problems,
    ...file.problems,
    ...file.walked.problems,
    ...receiverProblems,
    ...conflicts,
    ...relationProblems(config, { line, walked: file.walked, chosen }),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  const ignored = [...notChosen(chosen, config.storageBackend), ...file.walked.ignored];
  const warnings = [...line.warnings, ...ignoredWarnings(ignored)];
  return { config: freeze(config), warnings: findingLines(warnings) };
}

interface ConfigFile {
  readonly walked: Walked;
  readonly problems: readonly Finding[];
}

const NOTHING = walk(root, { kind: "map", entries: [] });

function readConfigFile(line: CommandLine, options: LoadOptions): ConfigFile {
  const path = line.configFile;
  if (path === undefined) return { walked: NOTHING, problems: [] };
  const refuse = (message: string): ConfigFile => {
    const source = { flag: "config.file" };
    return { walked: NOTHING, problems: [{ source, path: "-config.file", message }] };
  };
  let bytes: Uint8Array;
  try {
    bytes = options.readFile(path);
  } catch (error) {
    return refuse(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
  if (bytes.byteLength > CONFIG_FILE_BYTES_MAX) return refuse(`${path} is too large`);
  const text = decodeUtf8(bytes);
  if (text === undefined) return refuse(`${path} is not text in UTF-8`);
  return parseConfigText(path, text, line.expandEnv ? options.env : undefined);
}

/** Without an environment, `${VAR}` is text like any other. */
function parseConfigText(file: string, text: string, env: Environment | undefined): ConfigFile {
  const placeOf = placesOf(file, text);
  const expanded =
    env === undefined
      ? { text, origin: (offset: number) => offset, problems: [] }
      : expandEnvironment(text, env);
  const variables = expanded.problems.map(({ offset, message }) => {
    return { source: placeOf(offset), path: "", message };
  });
  // What stands around a broken variable would only be reported as broken once more.
  if (variables.length > 0) return { walked: NOTHING, problems: variables };
  const tree = parseYamlTree(expanded.text, (offset) => placeOf(expanded.origin(offset)));
  return { walked: walk(root, tree.top), problems: tree.problems };
}

/** A byte order mark is no part of the text. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A setting under two of its names is fine as long as both say the same. */
function chooseOne(given: readonly Given[], conflicts: Finding[]): Map<AnySetting, Given> {
  const chosen = new Map<AnySetting, Given>();
  for (const one of given) {
    const first = chosen.get(one.setting);
    if (first === undefined || first.path === one.path) {
      chosen.set(one.setting, one);
      continue;
    }
    const print = (value: unknown) => String(one.setting.value.print(value));
    if (print(first.value) === print(one.value) || isReceiver(one)) continue;
    const other = `${first.path} is ${print(first.value)} (${sourceText(first.source)})`;
    const message = `is ${print(one.value)}, but ${other}; both name the same setting`;
    conflicts.push({ source: one.source, path: one.path, message });
  }
  return chosen;
}

/** Settings of receivers repeat by instance; openReceivers() has taken them. */
function isReceiver(given: Given): boolean {
  return !known.settings.some((setting: AnySetting) => setting === given.setting);
}

function makeConfig(
  chosen: ReadonlyMap<AnySetting, Given>,
  receivers: Config["receivers"],
): Config {
  const at = <T>(setting: Setting<T>): T => {
    const given = chosen.get(setting);
    // The value was read by this setting's own kind.
    return given === undefined ? setting.fallback : (given.value as T);
  };
  return {
    target: at(known.target),
    multitenancyEnabled: at(known.multitenancyEnabled),
    httpApiPrefix: at(known.httpApiPrefix),
    shutdownDelayMs: at(known.shutdownDelay),
    streamOverHttp: at(known.streamOverHttp),
    server: {
      httpListenAddress: at(known.httpListenAddress),
      httpListenPort: at(known.httpListenPort),
      grpcListenAddress: at(known.grpcListenAddress),
      grpcListenPort: at(known.grpcListenPort),
      grpcStreamsMax: at(known.grpcStreamsMax),
      httpTls: readServerTls(httpTls, at),
      grpcTls: readServerTls(grpcTls, at),
      logLevel: at(known.logLevel),
      logFormat: at(known.logFormat),
      gracefulShutdownTimeoutMs: at(known.gracefulShutdownTimeout),
      httpReadTimeoutMs: at(known.httpReadTimeout),
      httpWriteTimeoutMs: at(known.httpWriteTimeout),
      httpIdleTimeoutMs: at(known.httpIdleTimeout),
    },
    query: {
      timeoutMs: at(queries.queryTimeout),
      queryBytesMax: at(queries.queryBytesMax),
      endCutoffMs: at(queries.queryEndCutoff),
      searchTracesDefault: at(queries.searchTracesDefault),
      searchTracesMax: at(queries.searchTracesMax),
      searchSpansDefault: at(queries.searchSpansDefault),
      searchSpansMax: at(queries.searchSpansMax),
      searchRangeMsMax: at(queries.searchRangeMax),
      metricsRangeMsMax: at(queries.metricsRangeMax),
      metricsStepsMax: at(queries.metricsStepsMax),
      exemplarsMax: at(queries.exemplarsMax),
      seriesMax: at(queries.seriesMax),
      tagValuesBytesMax: at(queries.tagValuesBytesMax),
      streamPacketBytesMax: at(queries.streamPacketBytesMax),
    },
    limits: {
      rateBytesPerSecond: at(limits.ingestionRate),
      burstBytes: at(limits.ingestionBurst),
      attributeBytesMax: at(limits.attributeBytes),
      distributorAttributeBytesMax: at(limits.distributorAttributeBytes),
      attributeKeysMax: at(limits.attributeKeys),
      traceBytesMax: at(limits.traceBytes),
      liveTracesMax: at(limits.liveTraces),
      globalLiveTracesMax: at(limits.globalLiveTraces),
      traceIdleMs: at(limits.traceIdle),
      blockRetentionMs: at(limits.tenantRetention),
      compactionWindowMs: at(limits.tenantCompactionWindow),
      isCompactionDisabled: at(limits.tenantCompactionDisabled),
      tenantFile: at(limits.tenantFile),
      tenantFilePeriodMs: at(limits.tenantFilePeriod),
    },
    logReceivedSpans: readSpanLog(spanLogs.received, at),
    logDiscardedSpans: readSpanLog(spanLogs.discarded, at),
    receivers,
    storageBackend: at(known.storageBackend),
    s3: readS3(at),
    gcs: readGcs(at),
    localPath: at(known.localPath),
    walPath: at(known.walPath),
    bucket: readBucket(at),
    compaction: readCompaction(at),
    blockRetentionMs: at(known.blockRetention),
    maxBlockDurationMs: at(known.maxBlockDuration),
    memoryBudgetBytes: at(known.memoryBudget),
    walBytesMax: at(known.walBytesMax),
    ingressThreads: at(known.ingressThreads),
    inFlightBytesMax: at(known.inFlightBytesMax),
  };
}

/** What holds when nothing is configured. */
export function defaultConfig(): Config {
  return freeze(makeConfig(new Map(), openReceivers(NOTHING).receivers));
}

interface Origins {
  readonly line: CommandLine;
  readonly walked: Walked;
  readonly chosen: ReadonlyMap<AnySetting, Given>;
}

function relationProblems(config: Config, origins: Origins): Finding[] {
  const { line, walked, chosen } = origins;
  const refused = new Set([...line.refused, ...walked.refused]);
  const written = new Map<string, Pick<Given, "source" | "path">>();
  for (const [path, source] of walked.present) written.set(path, { source, path });
  for (const [setting, given] of chosen) if (!isReceiver(given)) written.set(setting.path, given);
  return brokenRelations(config).flatMap(({ paths, message }) => {
    if (paths.some((path) => refused.has(path))) return [];
    const known = paths.map((path) => written.get(path)).find((one) => one !== undefined);
    const { source, path } = known ?? { source: { flag: "" }, path: paths[0] };
    return [{ source, path, message }];
  });
}

/** Settings of a backend that is not the one; what asks for nothing is passed over. */
function notChosen(
  chosen: ReadonlyMap<AnySetting, Given>,
  backend: Config["storageBackend"],
): Ignored[] {
  const others = ["s3", "gcs"].filter((name) => name !== backend);
  const below = others.map((name) => `storage.trace.${name}.`);
  const reason = "it belongs to a backend that storage.trace.backend does not choose";
  return [...chosen.values()]
    .filter(({ setting }) => below.some((path) => setting.path.startsWith(path)))
    .filter(({ setting, value }) => !isUsual(setting, value))
    .map(({ path, source }) => ({ path, source, reason }));
}

function isUsual({ value, fallback }: Setting<unknown>, given: unknown): boolean {
  return isDeepStrictEqual(value.print(given), value.print(fallback));
}

/** One line a reason, at the first key that it is about. */
function ignoredWarnings(ignored: readonly Ignored[]): Finding[] {
  const byReason = Map.groupBy(ignored, (one) => one.reason);
  return [...byReason].map(([reason, all]) => {
    const others = all.slice(1).map((one) => one.path);
    const also = others.length === 0 ? "" : ` (also ${others.join(", ")})`;
    const message = `has no meaning here: ${reason}${also}`;
    return { source: all[0].source, path: all[0].path, message };
  });
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
