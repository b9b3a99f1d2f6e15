/**
 * The command line, as Go's flag package reads it: one dash or two, `-name=value` or
 * `-name value`, a boolean alone or with `=`, the last one wins. Unlike Go, everything that is
 * wrong is reported, also behind the first mistake, and nothing is left over in silence.
 */

import { nearestName } from "./file/nearest.ts";
import type { Given } from "./file/walk.ts";
import type { Finding } from "./finding.ts";
import { type Flag, flags } from "./flags.ts";
import { readValue, type Value } from "./value/value.ts";

export interface CommandLine {
  /** The file to read, if any. */
  readonly configFile: string | undefined;
  readonly expandEnv: boolean;
  readonly verify: boolean;
  readonly version: boolean;
  readonly help: boolean;
  /** Settings, in the order of the command line. */
  readonly given: readonly Given[];
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Canonical paths of settings whose value was refused. */
  readonly refused: ReadonlySet<string>;
}

/** `argv` is without the program's own name. Never throws. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const parser = new Parser();
  const words = [...argv];
  while (words.length > 0) parser.next(words);
  return {
    configFile: parser.texts.get("config.file"),
    expandEnv: parser.texts.get("config.expand-env") === "true",
    verify: parser.texts.get("config.verify") === "true",
    version: parser.texts.get("version") === "true",
    help: parser.texts.get("help") === "true",
    given: [...parser.given.values()],
    problems: parser.problems,
    warnings: parser.warnings,
    refused: parser.refused,
  };
}

class Parser {
  /** By the flag's name: the last one wins. */
  readonly given = new Map<string, Given>();
  readonly texts = new Map<string, string>();
  readonly problems: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly refused = new Set<string>();

  next(words: string[]): void {
    const word = words.shift() ?? "";
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word);
    if (match === null) {
      this.#problem("", `unexpected argument ${JSON.stringify(word)}${hintAt(word)}`);
      return;
    }
    const name = match[1] === "h" ? "help" : match[1];
    const flag = flags.get(name);
    if (flag === undefined) {
      const nearest = nearestName(name, flags.keys());
      const hint = nearest === undefined ? "" : `; did you mean -${nearest}?`;
      this.#problem(name, `this flag is not known${hint}`);
      // Its value, if it has one, is no second mistake.
      if (match[2] === undefined && words[0]?.startsWith("-") === false) words.shift();
      return;
    }
    const value = match[2] ?? (flag.boolean ? "true" : words.shift());
    if (value === undefined) this.#problem(name, "this flag needs a value");
    else this.#set(flag, value);
  }

  #set(flag: Flag, text: string): void {
    const { name, means } = flag;
    const truth = flag.boolean ? booleanOf(text) : undefined;
    if (flag.boolean && truth === undefined) {
      this.#problem(name, `${JSON.stringify(text)} is not true or false`);
      return;
    }
    if (typeof means === "string") {
      this.texts.set(means, truth === undefined ? text : String(truth));
      return;
    }
    const kind = means.kind === "setting" ? means.setting.value : means.value;
    const read = readValue(kind, truth ?? rawOf(kind, text));
    if (!read.ok) {
      if (means.kind === "setting") this.refused.add(means.setting.path);
      this.#problem(name, read.message);
    } else if (means.kind === "setting") {
      const { setting, deprecated } = means;
      const source = { flag: name };
      this.given.set(name, { setting, path: `-${name}`, source, value: read.value });
      if (deprecated !== undefined) this.#warn(name, deprecated);
    } else if (!read.off) {
      if (means.kind === "inert") this.#warn(name, `has no meaning here: ${means.reason}`);
      else this.#problem(name, `${means.what} not built yet; remove this flag`);
    }
  }

  #problem(name: string, message: string): void {
    this.problems.push(finding(name, message));
  }

  #warn(name: string, message: string): void {
    this.warnings.push(finding(name, message));
  }
}

function finding(name: string, message: string): Finding {
  return { source: { flag: name }, path: name === "" ? "" : `-${name}`, message };
}

/** Go reads a boolean's value only behind an equals sign; the word after it surprises people. */
function hintAt(word: string): string {
  return booleanOf(word) === undefined ? "" : "; write -flag=true or -flag=false";
}

function booleanOf(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : undefined;
}

function rawOf(kind: Value<unknown>, text: string): unknown {
  const numeric = kind.wants === "scalar" && /^[+-]?\d+(?:\.\d+)?(?:e\d+)?$/i.test(text);
  return numeric ? Number(text) : text;
}
