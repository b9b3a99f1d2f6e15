/**
 * Generates src/proto-gen from the .proto files beside it: `npm run proto`.
 *
 * Works offline: the compiler and its plugin are dev dependencies. The result is committed, so that
 * a build needs neither. `erasable_syntax` makes enums plain objects, as the rest of src has them.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const bin = join(root, "node_modules", ".bin");
const out = "src/proto-gen";

const template = {
  version: "v2",
  plugins: [
    {
      local: [process.execPath, join(bin, "protoc-gen-es")],
      out,
      opt: ["target=ts", "import_extension=ts", "erasable_syntax=true"],
    },
  ],
};

rmSync(join(root, out), { recursive: true, force: true });
const run = spawnSync(
  join(bin, "buf"),
  ["generate", "proto", "--template", JSON.stringify(template)],
  { cwd: root, stdio: "inherit" },
);
process.exit(run.status ?? 1);
