/** The golden blocks that lie beside this file. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type BlockMeta, readBlockMeta } from "../../src/model/block-meta.ts";

export interface GoldenBlock {
  readonly folder: string;
  readonly meta: BlockMeta;
}

export const GOLDEN_FOLDER = import.meta.dirname;

/** By the name of their set, which is a folder of blocks as a store has it. */
export function goldenBlocks(): [string, GoldenBlock[]][] {
  const sets = readdirSync(GOLDEN_FOLDER, { withFileTypes: true }).filter((it) => it.isDirectory());
  const names = sets.map(({ name }) => name).sort();
  return names.map((name) => {
    const paths = readdirSync(join(GOLDEN_FOLDER, name), { recursive: true, encoding: "utf8" });
    const folders = paths
      .filter((path) => path.endsWith("meta.json"))
      .map((path) => join(GOLDEN_FOLDER, name, path, ".."))
      .sort();
    return [
      name,
      folders.map((folder) => ({
        folder,
        meta: readBlockMeta(readFileSync(join(folder, "meta.json"))),
      })),
    ];
  });
}
