/**
 * House rules. A failure names the place and says what to write instead.
 *
 * What Biome and tsc can check is checked by them (.biome.json, tsconfig.json); here stand the
 * import table, the shape of the repository, and the rules that must also hold for native/src,
 * which Biome cannot parse.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { describe, expect, test } from "vitest";
import type { SourceFile } from "./support/checkout.ts";
import { codeOnly, importsOf, linesMatching, ROOT, readCheckout } from "./support/checkout.ts";

const files = readCheckout();
const isCode = (file: SourceFile) => /\.(ts|mjs)$/.test(file.path);
const isOurs = (file: SourceFile) => !/^(src\/proto-gen\/|proto\/.*\.proto$)/.test(file.path);
const ours = files.filter(isOurs);
const code = ours.filter(isCode);
const isAmong = (file: SourceFile, folders: readonly string[]) =>
  folders.includes(file.path.split("/")[0]);

// ---- who may import whom

const BELOW_WORKER = [
  ...["base", "config", "ring", "kernel", "model", "proto-gen"],
  ...["grpc", "http1", "http2", "store", "receive", "wal", "head", "block", "compact", "query"],
  ...["traceql", "inspect", "vector"],
];

/** Folders of src and the folders that each may import. Neighbours on the write path are apart. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: ["base"],
  ring: ["base"],
  kernel: ["base"],
  model: ["base"],
  "proto-gen": [],
  traceql: ["base"],
  store: ["base", "model"],
  grpc: ["base"],
  http1: ["base"],
  http2: ["base"],
  receive: ["base", "model", "grpc", "http1", "http2", "proto-gen"],
  wal: ["base", "model"],
  vector: ["base", "model", "kernel"],
  head: ["base", "model", "kernel", "vector"],
  block: ["base", "model", "kernel", "vector"],
  compact: ["base", "model", "kernel", "block", "store", "traceql"],
  query: ["base", "model", "kernel", "head", "block", "store", "traceql", "vector"],
  api: ["base", "model", "grpc", "query", "traceql", "proto-gen"],
  inspect: ["base", "model", "block", "compact", "store", "wal"],
  worker: BELOW_WORKER,
  "main.ts": [...BELOW_WORKER, "api", "worker"],
};

/** Files outside src that a file in src may import, and who may. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  "native/src/layout.ts": ["kernel", "block", "compact", "head", "worker"],
  "package.json": ["config", "main.ts"],
};

/** Generated types need the protobuf runtime wherever they are used; all others have one home. */
const MANY_HOMES = ["@bufbuild/protobuf"];

function importOffence(file: SourceFile, target: string): string | undefined {
  const from = file.path.split("/")[1];
  if (!target.startsWith(".")) return undefined;
  if (!/\.(ts|json|wasm)$/.test(target)) return `write the ending: ${target}.ts`;
  const path = posix.join(dirname(file.path), target);
  const outside = OUTSIDE[path];
  if (outside !== undefined) {
    return outside.includes(from) ? undefined : `only ${outside.join(", ")} may import ${path}`;
  }
  if (!path.startsWith("src/")) return `src imports nothing of ${path}`;
  const to = path.split("/")[1];
  if (to === from || MAY_IMPORT[from]?.includes(to)) return undefined;
  return `${from} may not import ${to}: declare the interface that it needs in ${from}, and let \
worker/ or main.ts supply it`;
}

describe("imports", () => {
  const src = files.filter((file) => file.path.startsWith("src/") && isCode(file));

  test("every folder of src is in the import table", () => {
    const known = Object.keys(MAY_IMPORT);
    const folders = new Set(src.map((file) => file.path.split("/")[1]));
    expect([...folders].filter((folder) => !known.includes(folder))).toEqual([]);
  });

  test("follow the import table, for types as for values", () => {
    const offences = src.flatMap((file) =>
      importsOf(file).flatMap(({ target, line }) => {
        const offence = importOffence(file, target);
        return offence === undefined ? [] : [`${file.path}:${line}: ${offence}`];
      }),
    );
    expect(offences).toEqual([]);
  });

  test("the table tells right from wrong", () => {
    const verdict = (path: string, target: string) =>
      importOffence({ path, text: "", code: "" }, target) === undefined;
    expect(verdict("src/wal/a.ts", "../base/assert.ts")).toBe(true);
    expect(verdict("src/wal/a.ts", "./b.ts")).toBe(true);
    expect(verdict("src/wal/a.ts", "../head/head.ts")).toBe(false);
    expect(verdict("src/wal/a.ts", "./b")).toBe(false);
    expect(verdict("src/head/deep/a.ts", "../../kernel/kernel.ts")).toBe(true);
    expect(verdict("src/kernel/a.ts", "../../native/src/layout.ts")).toBe(true);
    expect(verdict("src/wal/a.ts", "../../native/src/layout.ts")).toBe(false);
    expect(verdict("src/worker/a.ts", "../api/a.ts")).toBe(false);
    expect(verdict("src/main.ts", "./worker/a.ts")).toBe(true);
    const text = `import type { A } from "./a.ts"; // from "./no.ts"
const later = await import("./b.ts");
new Worker(new URL("./c.ts", import.meta.url));
import {
  D,
} from "./d.ts";
const words = 'import("./e.ts")';
`;
    const found = importsOf({ path: "src/x/a.ts", text, code: codeOnly(text) });
    expect(found.map(({ target, line }) => `${line} ${target}`)).toEqual([
      ...["1 ./a.ts", "2 ./b.ts", "3 ./c.ts", "6 ./d.ts"],
    ]);
  });

  test("a package is a dependency and has one home, where it can be replaced", () => {
    const { dependencies } = readManifest();
    const homes = new Map<string, Set<string>>();
    const offences: string[] = [];
    for (const file of src) {
      for (const { target, line } of importsOf(file)) {
        if (/^(\.|node:|bun$|bun:)/.test(target)) continue;
        const name = target.split("/", target.startsWith("@") ? 2 : 1).join("/");
        if (!Object.hasOwn(dependencies, name)) {
          offences.push(`${file.path}:${line}: ${name} is not in dependencies of package.json`);
        }
        const home = homes.get(name) ?? new Set();
        homes.set(name, home.add(file.path.split("/")[1]));
      }
    }
    for (const [name, home] of homes) {
      if (home.size < 2 || MANY_HOMES.includes(name)) continue;
      offences.push(`${name} is imported by ${[...home].join(", ")}: wrap it in one of them`);
    }
    expect(offences).toEqual([]);
  });
});

// ---- patterns

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  readonly folders: readonly string[];
  readonly except?: RegExp;
  readonly advice: string;
  /** Lines that the pattern must find, so that a rule cannot fall asleep. */
  readonly finds: readonly string[];
}

const EVERYWHERE = ["src", "native", "proto", "bench", "test"];

/** Held against code without comments and strings. */
const CODE_RULES: readonly Rule[] = [
  {
    name: "no any",
    pattern: /(?::|\bas|<|\|)\s*any\b|\bany\[\]/,
    folders: EVERYWHERE,
    advice: "name the type, or take unknown and check it",
    finds: ["let x: any", "x as any", "new Map<any, string>()", "f(x: string | any)"],
  },
  {
    name: "no default export",
    pattern: /^\s*export default\b/,
    folders: EVERYWHERE,
    advice: "export by name, so that one thing has one name everywhere",
    finds: ["export default class {}"],
  },
  {
    name: "no barrel",
    pattern: /^\s*export (?:type )?\*/,
    folders: EVERYWHERE,
    advice: "no barrels: import from the file that defines it",
    finds: ['export * from "./x.ts"', 'export type * from "./x.ts"'],
  },
  {
    name: "no console",
    pattern: /\bconsole\s*\./,
    folders: ["src", "native", "test"],
    advice: "take a Logger of base/log.ts",
    finds: ["console.log(1)"],
  },
  {
    name: "no system clock",
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)/,
    folders: ["src"],
    except: /^src\/base\//,
    advice: "take a Clock of base/clock.ts, so that a test can hold time",
    finds: ["const t = Date.now();", "new Date()"],
  },
  {
    name: "no unseeded randomness",
    pattern: /\bMath\.random\b/,
    folders: EVERYWHERE,
    except: /^src\/base\//,
    advice: "take a seeded generator of base/prng.ts, so that a run can be repeated",
    finds: ["Math.random()"],
  },
  {
    name: "no EventEmitter subclass",
    pattern: /\bextends\s+EventEmitter\b/,
    folders: EVERYWHERE,
    advice: "take a callback or return a promise: the caller sees who listens",
    finds: ["class A extends EventEmitter {"],
  },
  {
    name: "no test left out",
    pattern: /\b(?:describe|test|it)(?:\.\w+)*\.(?:only|skip)\(/,
    folders: ["test", "bench"],
    advice: "every test runs; what cannot run is no test",
    finds: ['test.only("x", f)', 'describe.skip("x", f)'],
  },
];

/** Held against the whole text of code, comments included. */
const COMMENT_RULES: readonly Rule[] = [
  {
    name: "no unfinished work",
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/,
    folders: EVERYWHERE,
    advice: "do it, or say in a sentence what does not work and why",
    finds: ["// TODO: later"],
  },
  {
    name: "no silenced type error",
    pattern: /@ts-(?:ignore|expect-error|nocheck)/,
    folders: EVERYWHERE,
    except: /^native\/src\//,
    advice: "make the types true",
    finds: ["// @ts-ignore"],
  },
];

/** Held against every text of the repository: it speaks of the project alone. */
const TEXT_RULES: readonly Omit<Rule, "folders">[] = [
  {
    name: "no path of one machine",
    pattern: /(?<![\w.}])\/(?:work|root|tmp\/lab)\//,
    advice: "a path of one machine: derive it, or take it from the environment",
    finds: ["cd /work/x", '"/root/.cache"'],
  },
  {
    name: "no registry address",
    pattern: /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\b|\bpypi\.org\b|\bproxy\.golang\.org\b/,
    advice: "the address of a registry is the machine's own setting",
    finds: ["https://registry.npmjs.org/x"],
  },
  {
    name: "no number of an issue",
    pattern: /\bissues? #?\d+\b/i,
    advice: "give the reason itself, or the full address of a public issue",
    finds: ["see issue 12"],
  },
  {
    name: "no word of how it was made",
    pattern: /\b(?:claude|anthropic|chatgpt|copilot|ai assistants?|(?:this|last|next) session)\b/i,
    advice: "say what the project does, not how it came to be",
    finds: ["in the last session", "an AI assistant"],
  },
];

function offencesOf(
  rule: Omit<Rule, "folders">,
  where: readonly SourceFile[],
  of: "text" | "code",
) {
  return where
    .filter((file) => rule.except === undefined || !rule.except.test(file.path))
    .flatMap((file) =>
      linesMatching(file[of], rule.pattern).map((line) => `${file.path}:${line}: ${rule.advice}`),
    );
}

describe("patterns", () => {
  const withoutThis = ours.filter((file) => file.path !== "test/tidy.test.ts");

  for (const rule of [...CODE_RULES, ...COMMENT_RULES, ...TEXT_RULES]) {
    test(`${rule.name}: the rule finds its examples`, () => {
      expect(rule.finds.filter((line) => !rule.pattern.test(line))).toEqual([]);
    });
  }
  for (const rule of CODE_RULES) {
    test(rule.name, () => {
      const where = code.filter((file) => isAmong(file, rule.folders));
      expect(offencesOf(rule, where, "code")).toEqual([]);
    });
  }
  for (const rule of COMMENT_RULES) {
    test(rule.name, () => {
      const where = withoutThis.filter((file) => isCode(file) && isAmong(file, rule.folders));
      expect(offencesOf(rule, where, "text")).toEqual([]);
    });
  }
  for (const rule of TEXT_RULES) {
    test(rule.name, () => {
      expect(offencesOf(rule, withoutThis, "text")).toEqual([]);
    });
  }

  test("the kernel silences tsc before a decorator only", () => {
    const kernel = code.filter((file) => file.path.startsWith("native/src/"));
    const offences = kernel.flatMap((file) => {
      const lines = file.text.split("\n");
      return linesMatching(file.text, /@ts-/)
        .filter((line) => !/^\s*\/\/ @ts-ignore/.test(lines[line - 1]) || !/^@/.test(lines[line]))
        .map((line) => `${file.path}:${line}: make the types true`);
    });
    expect(offences).toEqual([]);
  });

  test("code without comments and strings keeps its lines", () => {
    const text = 'a("x: any"); // as any\n/* TODO\n*/ b(/"[/]\'/g, `${c as any}`);\n';
    expect(codeOnly(text).split("\n")[0].trimEnd()).toBe('a("      ");');
    expect(codeOnly(text).split("\n")[2]).toContain("c as any");
    expect(codeOnly(text).split("\n")).toHaveLength(4);
  });
});

// ---- sizes and names

describe("sizes", () => {
  test("a file has at most 500 lines", () => {
    const long = code
      .filter((file) => isAmong(file, ["src", "native", "proto"]))
      .map((file) => ({ path: file.path, lines: file.text.split("\n").length - 1 }))
      .filter(({ lines }) => lines > 500)
      .map(({ path, lines }) => `${path}: ${lines} lines; split it by purpose`);
    expect(long).toEqual([]);
  });

  test("a line has at most 100 columns", () => {
    const wide = code.flatMap((file) =>
      file.text
        .split("\n")
        .flatMap((line, at) => ([...line].length > 100 ? [{ line, at }] : []))
        // The formatter has no way to break the address of an import.
        .filter(({ line }) => !/^(import|}) .*from "[^"]+";$/.test(line))
        .map(({ at }) => `${file.path}:${at + 1}`),
    );
    expect(wide).toEqual([]);
  });

  /**
   * Functions of native/src that may be longer than 70 lines, how long, and why. None may grow.
   * In TypeScript Biome counts, and an exception is a biome-ignore comment that says why.
   */
  const LONG_KERNEL_FUNCTIONS: Readonly<Record<string, { lines: number; reason: string }>> = {
    decodeSpan: { lines: 200, reason: "a flat case for each field, over one set of locals" },
    checkSpan: { lines: 135, reason: "a flat case for each field, over one set of locals" },
  };

  test("a kernel function has at most 70 lines", () => {
    const kernel = code.filter((file) => file.path.startsWith("native/src/"));
    const long = kernel.flatMap((file) =>
      functionsOf(file)
        .filter(({ name, lines }) => lines > (LONG_KERNEL_FUNCTIONS[name]?.lines ?? 70))
        .map(({ name, lines }) => `${file.path}: ${name} has ${lines} lines; push loops down`),
    );
    expect(long).toEqual([]);
  });
});

/** Top-level functions, as formatted code has them: from `function` to a brace in column one. */
function functionsOf(file: SourceFile): { name: string; lines: number }[] {
  const lines = file.text.split("\n");
  return lines.flatMap((line, at) => {
    const name = /^(?:@inline )?(?:export )?function (\w+)/.exec(line)?.[1];
    if (name === undefined || line.endsWith("}")) return [];
    const end = lines.indexOf("}", at);
    return [{ name, lines: (end < 0 ? lines.length : end) - at + 1 }];
  });
}

describe("names", () => {
  test("a file is named by what is in it", () => {
    const offences = code
      .filter((file) => /(^|[-/.])(utils?|helpers?|common|misc|index)\.ts$/.test(file.path))
      .map((file) => `${file.path}: name it by its content or by the step of the data path`);
    expect(offences).toEqual([]);
  });

  test("file names are in kebab case", () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*\.(ts|mjs)$/;
    expect(
      code.map((file) => file.path).filter((path) => !kebab.test(posix.basename(path))),
    ).toEqual([]);
  });
});

// ---- the repository

function readManifest() {
  const text = readFileSync(join(ROOT, "package.json"), "utf8");
  return JSON.parse(text) as {
    license: string;
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
}

describe("repository", () => {
  test("the top level is fixed", () => {
    const allowed = new Set([
      ...[".biome.json", ".ci", ".git", ".gitignore", ".npmrc", "LICENSE", "README.md"],
      ...["bench", "bunfig.toml", "deploy", "docs", "native", "package-lock.json", "package.json"],
      ...["proto", "src", "test", "tsconfig.json", "node_modules"],
    ]);
    const ignored = readFileSync(join(ROOT, ".gitignore"), "utf8").split("\n");
    const stray = readdirSync(ROOT)
      .filter((name) => !allowed.has(name) && !ignored.includes(`/${name}/`))
      .map((name) => `${name}: it belongs into a folder, or its setting into a dot-file`);
    expect(stray).toEqual([]);
  });

  test("every folder at the top explains itself", () => {
    const folders = ["bench", "native", "proto", "src", "test"];
    const silent = folders.filter((folder) => !existsSync(join(ROOT, folder, "README.md")));
    expect(silent).toEqual([]);
  });

  test("is under the Apache License 2.0", () => {
    expect(readManifest().license).toBe("Apache-2.0");
    const licence = readFileSync(join(ROOT, "LICENSE"), "utf8");
    expect(licence).toContain("Apache License");
    expect(licence).toContain("END OF TERMS AND CONDITIONS");
  });

  test("dependencies are exact versions", () => {
    const { dependencies, devDependencies } = readManifest();
    const loose = Object.entries({ ...dependencies, ...devDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name, version]) => `${name} ${version}: a build of today must be the same tomorrow`);
    expect(loose).toEqual([]);
  });

  test("the lock file fits every mirror and every platform", () => {
    const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
      packages: Record<string, { resolved?: string; optionalDependencies?: object }>;
    };
    const names = new Set(
      Object.keys(lock.packages).map((path) => path.replace(/.*modules\//, "")),
    );
    const offences = Object.entries(lock.packages).flatMap(([path, entry]) => [
      ...(entry.resolved === undefined ? [] : [`${path}: resolved; .npmrc leaves it out`]),
      ...Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => !names.has(name))
        .map((name) => `${path}: ${name} is missing, so npm ci fails; take another version`),
    ]);
    expect(offences).toEqual([]);
  });
});
