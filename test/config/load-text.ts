/** A configuration from text in place of a file, and its problems as lines. */
import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/finding.ts";
import { type LoadedConfig, loadConfig } from "../../src/config/load-config.ts";

export interface TextOptions {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export function loadBytes(bytes: Uint8Array, options: TextOptions = {}): LoadedConfig {
  const argv = ["-config.file=f.yaml", ...(options.argv ?? [])];
  return loadConfig({ argv, env: options.env ?? {}, readFile: () => bytes });
}

export function loadText(text: string, options: TextOptions = {}): LoadedConfig {
  return loadBytes(new TextEncoder().encode(text), options);
}

export function configOf(text: string, options: TextOptions = {}): Config {
  return loadText(text, options).config;
}

/** Empty when the configuration is right; any other error goes through. */
export function problemsOf(text: string | Uint8Array, options: TextOptions = {}): string[] {
  try {
    if (typeof text === "string") loadText(text, options);
    else loadBytes(text, options);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [...error.problems];
  }
}

/** Nested mappings from a path, in flow style: one line, whatever the value. */
export function yamlAt(path: readonly string[], value: string): string {
  const open = path.map((part) => `{${JSON.stringify(part)}: `).join("");
  return `${open}${value}${"}".repeat(path.length)}\n`;
}
