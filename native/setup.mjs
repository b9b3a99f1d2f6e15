/**
 * Makes a checkout ready to run: installs the packages when the lock file changed, then builds the
 * kernel when its sources changed. Takes a tenth of a second when there is nothing to do.
 *
 * Plain JavaScript on built-in modules, because it runs before anything is installed: under the
 * Node.js that came with npm, or under Bun, which stands in for `node` where there is none.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const stamp = join(modules, ".vivace-lock");
const bun = join(modules, ".bin", "bun");

function run(command, args) {
  // Standard output belongs to the program that runs next.
  const { error, status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  return error === undefined && status === 0;
}

function fail(message) {
  process.stderr.write(`set-up failed: ${message}\n`);
  process.exit(1);
}

/** The package manager that started this script installs; started by hand, whichever is there. */
function install() {
  const starter = process.env.npm_execpath ?? "";
  if (/npm-cli\.c?js$/.test(starter)) return run(process.execPath, [starter, ...npmArguments()]);
  if (process.versions.bun !== undefined || /^bun/.test(process.env.npm_config_user_agent ?? "")) {
    const self = process.versions.bun !== undefined ? process.execPath : "bun";
    // Reads package-lock.json and writes no second lock file.
    return run(self, ["install", "--frozen-lockfile", "--no-save"]);
  }
  return run("npm", npmArguments());
}

function npmArguments() {
  // `ci` holds the lock file against package.json, but clears the folder first, which a server
  // that runs from it would not survive. `--no-save`: other versions of npm would write other
  // lock files.
  const command = existsSync(modules) ? ["install", "--no-save"] : ["ci"];
  return [...command, "--no-audit", "--no-fund", "--loglevel=error"];
}

/** False where install scripts were switched off: Bun's puts the real executable in place. */
function bunRuns() {
  const { error, status } = spawnSync(bun, ["--version"], { stdio: "ignore" });
  return error === undefined && status === 0;
}

const lock = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
  process.stderr.write("installing packages (first start or changed lock file)\n");
  if (!install()) fail("the packages could not be installed");
  if (!bunRuns()) run(process.execPath, [join(modules, "bun", "install.js")]);
  if (!bunRuns()) fail("node_modules/.bin/bun does not run on this machine");
  writeFileSync(stamp, lock);
}
if (!run(bun, ["native/build.ts", "--if-changed"])) fail("the kernel could not be built");
