/** Builds the servers that tests talk to, so that no test has to wait for it. */
import { fakeGcsTool } from "./fake-gcs.ts";
import { minioTool } from "./minio.ts";
import { installed, leftOut } from "./tool-cache.ts";

for (const tool of [minioTool, fakeGcsTool]) if (!leftOut(tool)) await installed(tool);
