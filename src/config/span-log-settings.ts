/** `distributor.log_received_spans` and its twin: spans in the server's own log, for debugging. */
import type { Config, SpanLogConfig } from "./config.ts";
import type { AnySetting, Setting } from "./table/key.ts";
import { flag } from "./value/value.ts";

export interface SpanLogSettings {
  readonly enabled: Setting<boolean>;
  readonly withAttributes: Setting<boolean>;
  readonly errorsOnly: Setting<boolean>;
}

function spanLog(
  block: string,
  { of, read }: { of: string; read: (config: Config) => SpanLogConfig },
): SpanLogSettings {
  const setting = (key: string, about: string, at: keyof SpanLogConfig): Setting<boolean> => ({
    kind: "setting",
    path: `distributor.${block}.${key}`,
    value: flag,
    fallback: false,
    about,
    read: (config) => read(config)[at],
  });
  return {
    enabled: setting("enabled", `Log every ${of} span, a line each.`, "enabled"),
    withAttributes: setting(
      "include_all_attributes",
      `With the attributes of ${of} spans and their resources.`,
      "withAttributes",
    ),
    errorsOnly: setting(
      "filter_by_status_error",
      `Only ${of} spans that are errors.`,
      "errorsOnly",
    ),
  };
}

export const spanLogs = {
  received: spanLog("log_received_spans", {
    of: "received",
    read: (config) => config.logReceivedSpans,
  }),
  discarded: spanLog("log_discarded_spans", {
    of: "discarded",
    read: (config) => config.logDiscardedSpans,
  }),
} as const;

export const spanLogSettings: readonly AnySetting[] = Object.values(spanLogs).flatMap(
  (one): AnySetting[] => [one.enabled, one.withAttributes, one.errorsOnly],
);

export function readSpanLog(
  { enabled, withAttributes, errorsOnly }: SpanLogSettings,
  at: <T>(setting: Setting<T>) => T,
): SpanLogConfig {
  return {
    enabled: at(enabled),
    withAttributes: at(withAttributes),
    errorsOnly: at(errorsOnly),
  };
}
