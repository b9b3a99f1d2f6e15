/**
 * Compiles the kernel: native/src/kernel.ts to native/build/kernel.wasm, by AssemblyScript alone.
 *
 *   bun native/build.ts                compiles, prints size and sha256
 *   bun native/build.ts --if-changed   the same, but says and does nothing when no input changed
 *
 * The result is not committed: it takes seconds to make and is the same to the byte on every
 * machine and runtime, because package.json pins the compiler.
 *
 * Memory is imported, and an import only links when the memory's initial size is at least the
 * declared minimum and its maximum at most the declared one. With 1 and 65536 pages declared,
 * any shared memory that has a maximum fits.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const FOLDER = import.meta.dirname;
const ENTRY = "src/kernel.ts";
const OUTPUT = join(FOLDER, "build", "kernel.wasm");
const STAMP = join(FOLDER, "build", "kernel.inputs");

const OPTIONS = [
  "-O3",
  "--noAssert",
  "--runtime=stub",
  "--enable=simd,threads,bulk-memory",
  "--importMemory",
  "--sharedMemory",
  "--initialMemory=1",
  "--maximumMemory=65536",
  "--debug", // adds function names, so that a trap says where; the code stays the same
];

/**
 * Compiles one AssemblyScript file with the kernel's options and returns the module's bytes.
 * `entry` is relative to `folder`. Throws an Error that carries the compiler's messages.
 */
export async function compile(entry: string, folder: string = FOLDER): Promise<Uint8Array> {
  const { default: asc } = await import("assemblyscript/asc");
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [entry, ...OPTIONS, `--baseDir=${folder}`, "--outFile=kernel.wasm"],
    {
      writeFile: (_name, contents) => {
        if (typeof contents !== "string") binary = contents;
      },
    },
  );
  if (error !== null) throw new Error(`asc ${entry}: ${error.message}\n${stderr.toString()}`);
  if (binary === undefined) throw new Error(`asc ${entry}: no output`);
  return binary;
}

/** One hash over everything that decides what comes out: sources, this file, the compiler. */
function inputsHash(): string {
  const hash = createHash("sha256");
  const sources = readdirSync(join(FOLDER, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join("src", name));
  const compiler = join("..", "node_modules", "assemblyscript", "package.json");
  for (const name of [...sources.sort(), "build.ts", compiler]) {
    const bytes = readFileSync(join(FOLDER, name));
    hash.update(`${name}\n${bytes.byteLength}\n`).update(bytes);
  }
  return hash.digest("hex");
}

function isCurrent(inputs: string): boolean {
  return existsSync(OUTPUT) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === inputs;
}

/** A reader, or a build that runs at the same time, sees the old file or the new one, whole. */
function replaceFile(path: string, contents: Uint8Array | string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

async function build(): Promise<void> {
  const inputs = inputsHash();
  if (process.argv.includes("--if-changed") && isCurrent(inputs)) return;
  const binary = await compile(ENTRY);
  mkdirSync(join(FOLDER, "build"), { recursive: true });
  replaceFile(OUTPUT, binary);
  replaceFile(STAMP, inputs);
  const sha256 = createHash("sha256").update(binary).digest("hex");
  process.stdout.write(`native/build/kernel.wasm ${binary.byteLength} bytes sha256 ${sha256}\n`);
}

if (import.meta.main) await build();
