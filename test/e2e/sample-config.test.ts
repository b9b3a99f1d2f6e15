/** A Tempo file with Amazon's own endpoint, as it stands, where that name is another store's. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { minioTool } from "../support/minio.ts";
import { INSTALL_TIMEOUT_MS, installed, leftOut, titled } from "../support/tool-cache.ts";

/** A network and mounts of one's own need root, or a system that lets anybody have them. */
const mayUnshare = spawnSync("unshare", ["--mount", "--net", "true"]).status === 0;
const isLeftOut = leftOut(minioTool) || !(mayUnshare || process.env["CI"]);
const title = mayUnshare ? "jaeger in, S3 out" : "jaeger in, S3 out (left out: no namespaces)";

test.skipIf(isLeftOut)(
  titled(title, minioTool),
  async () => {
    // In there is no network to install from.
    await installed(minioTool);
    const folder = mkdtempSync(join(tmpdir(), "vivace-sample-"));
    try {
      const script = join(import.meta.dirname, "sample-config-run.ts");
      const child = Bun.spawn({
        cmd: ["unshare", "--mount", "--net", process.execPath, script, folder],
        stdin: "ignore",
        stderr: "pipe",
      });
      const [text, errors] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      expect(await child.exited, errors).toBe(0);
      const found: { names: string[] } = JSON.parse(text);
      expect(found).toMatchObject({ taken: 202, flushed: 204 });
      const kinds = found.names.map((name) => name.split("/").slice(0, 2).join("/"));
      expect(new Set(kinds)).toEqual(new Set(["vivace/blocks", "vivace/metas"]));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  INSTALL_TIMEOUT_MS,
);
