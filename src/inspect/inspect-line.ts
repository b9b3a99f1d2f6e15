/**
 * The command line of inspections: `blocks list`, `blocks show ID`, `blocks stats`, `verify [ID…]`.
 * The words come first, flags behind them; what is no flag of an inspection is one of the server's,
 * which say where the blocks are.
 */
import { EngineError } from "../base/error.ts";

export type InspectLine = {
  readonly help: boolean;
  readonly json: boolean;
  readonly tenant: string | undefined;
  /** For the configuration. */
  readonly rest: readonly string[];
} & (
  | { readonly command: "list" | "stats" }
  | { readonly command: "show"; readonly id: string }
  | { readonly command: "verify"; readonly ids: readonly string[] }
);

export const INSPECT_HELP = `Usage: vivace blocks list [--tenant NAME] [--json] [flags]
       vivace blocks show ID [--json] [flags]
       vivace blocks stats [--tenant NAME] [--json] [flags]
       vivace verify [ID ...] [flags]

What lies in the store that the configuration names; nothing is changed, and a server may run.

  blocks list    the blocks by time
  blocks show    one block: what it says about itself, and its columns
  blocks stats   by tenant: blocks, spans, bytes; and what compaction would do
  verify         reads every byte of all blocks and of the log, or of these blocks

An ID may be cut short. Flags are those of the server, above all -config.file.
verify ends with 0: no damage, 1: damage, 2: it could not be read; the others with 0 or 2.
`;

const ID = /^[0-9a-f]{1,32}$/i;

/** Whether the command line is one of these; else the server is meant. */
export function isInspection([first]: readonly string[]): boolean {
  return first === "blocks" || first === "verify";
}

/** Throws malformed. */
export function readInspectLine(argv: readonly string[]): InspectLine {
  const [first] = argv;
  const flagsAt = argv.findIndex((word) => word.startsWith("-"));
  const words = argv.slice(1, flagsAt < 0 ? argv.length : flagsAt);
  const flags = readFlags(flagsAt < 0 ? [] : argv.slice(flagsAt));
  if (flags.help) return { ...flags, command: "list" };
  if (first === "verify") {
    if (flags.json || flags.tenant !== undefined) throw usage("verify has no --json or --tenant");
    return { ...flags, command: "verify", ids: words.map(checkedId) };
  }
  const [command, id, ...more] = words;
  if (command === "show") {
    if (id === undefined || more.length > 0) throw usage("blocks show needs the id of one block");
    if (flags.tenant !== undefined) throw usage("blocks show has no --tenant");
    return { ...flags, command, id: checkedId(id) };
  }
  if (command !== "list" && command !== "stats") {
    const what = command === undefined ? "" : `, not ${JSON.stringify(command)}`;
    throw usage(`blocks needs list, show or stats${what}`);
  }
  if (id !== undefined) throw usage(`blocks ${command} takes no ${JSON.stringify(id)}`);
  return { ...flags, command };
}

function readFlags(words: readonly string[]) {
  const rest: string[] = [];
  let help = false;
  let json = false;
  let tenant: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const [, name, value] = /^--?([^=]+)(?:=(.*))?$/s.exec(words[i]) ?? [];
    if (name === "help" || name === "h") help = true;
    else if (name === "json" && value === undefined) json = true;
    else if (name === "tenant") {
      tenant = value ?? words[++i];
      if (tenant === undefined || tenant === "") throw usage("--tenant needs a name");
    } else rest.push(words[i]);
  }
  return { help, json, tenant, rest };
}

function checkedId(word: string): string {
  if (!ID.test(word)) throw usage(`${JSON.stringify(word)} is no id of a block`);
  return word;
}

function usage(message: string): EngineError {
  return new EngineError("malformed", `${message} (vivace blocks --help)`);
}
