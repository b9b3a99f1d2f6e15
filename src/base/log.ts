/**
 * Structured log, one line an event, logfmt as Tempo writes it or JSON.
 *
 * The only place that writes to standard error. Values are escaped, so that no input can forge a
 * line.
 */
import { writeSync } from "node:fs";
import { type Clock, systemClock } from "./clock.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFormat = "logfmt" | "json";
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** The thread or part that speaks, for example "ingest". */
  readonly component: string;
  readonly clock?: Clock;
  readonly write?: (line: string) => void;
}

export function makeLogger(options: LoggerOptions): Logger {
  const threshold = logLevels.indexOf(options.level);
  const clock = options.clock ?? systemClock;
  const write = options.write ?? ((line: string) => writeSync(2, line));
  const at = (level: LogLevel) => {
    const silent = logLevels.indexOf(level) < threshold;
    return (message: string, fields: LogFields = {}) => {
      if (silent) return;
      const time = new Date(clock.nowMs()).toISOString();
      const all = { time, level, component: options.component, msg: message, ...fields };
      write(options.format === "json" ? `${JSON.stringify(all)}\n` : `${logfmt(all)}\n`);
    };
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function logfmt(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${quoted(String(value))}`)
    .join(" ");
}

function quoted(value: string): string {
  return /^[\w./:+@%,-]+$/.test(value) ? value : JSON.stringify(value);
}
