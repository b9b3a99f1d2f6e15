/**
 * The strategies of a file, read again when it changes. A file that is gone or wrong is said in
 * the log, once for each change, and the strategies stay as they were.
 *
 * Looked at by its time and size and not by watching: a file that an orchestrator mounts changes
 * by a link that is moved, of which a watcher hears nothing.
 */
import { readFileSync, statSync } from "node:fs";
import { EngineError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type SamplingAnswer, SamplingStrategies } from "./sampling-strategies.ts";

export interface SamplingFileOptions {
  /** Undefined: what Jaeger answers without a file. */
  readonly path: string | undefined;
  /** Zero: it is read once. */
  readonly reloadMs: number;
}

/** More is no file of strategies. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

export class SamplingFile {
  readonly #path: string | undefined;
  readonly #logger: Logger;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #strategies: SamplingStrategies;
  #version = "";

  /** Throws EngineError when the file cannot be used. */
  constructor({ path, reloadMs }: SamplingFileOptions, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
    if (path === undefined) this.#strategies = SamplingStrategies.none();
    else {
      this.#version = versionOf(path);
      this.#strategies = readFile(path);
      if (reloadMs > 0) this.#timer = setInterval(() => this.reload(), reloadMs);
    }
  }

  /** Throws EngineError when the file could not be used. */
  static check(path: string): void {
    readFile(path);
  }

  of(service: string): SamplingAnswer {
    return this.#strategies.of(service);
  }

  /** When it has changed since. */
  reload(): void {
    const path = this.#path;
    if (path === undefined) return;
    let version = "gone";
    try {
      version = versionOf(path);
      if (version === this.#version) return;
      this.#strategies = readFile(path);
      this.#logger.info("sampling strategies read", { path, services: this.#strategies.services });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (version === this.#version) return;
      this.#logger.error("sampling strategies stay as they were", { path, error: error.message });
    }
    this.#version = version;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

function versionOf(path: string): string {
  try {
    const { mtimeNs, size, ino } = statSync(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch (error) {
    throw unreadable(error);
  }
}

function readFile(path: string): SamplingStrategies {
  let text: string;
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error(`over ${FILE_BYTES_MAX} bytes`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw unreadable(error);
  }
  return SamplingStrategies.parse(text);
}

function unreadable(error: unknown): EngineError {
  const reason = error instanceof Error ? error.message : String(error);
  return new EngineError("not_found", `sampling strategies cannot be read: ${reason}`);
}
