/**
 * Started by a test in a network and a file system of its own, where Amazon's name is this
 * machine's: a Tempo file as users have it, unchanged, takes spans from Jaeger and brings them to
 * S3. Prints what it found as JSON.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { prng } from "../../src/base/prng.ts";
import { randomBatch, thriftBatch } from "../receive/jaeger-model.ts";
import { encode } from "../receive/thrift-tree.ts";
import { certificates } from "../support/certificates.ts";
import { ROOT } from "../support/checkout.ts";
import { MINIO_ACCESS_KEY, MINIO_SECRET_KEY, Minio } from "../support/minio.ts";
import { waitFor } from "../support/wait.ts";

const CONFIG = `
server:
  http_listen_port: 3200
distributor:
  receivers:
    jaeger:
      protocols:
        grpc:
        thrift_http:
storage:
  trace:
    backend: s3
    s3:
      bucket: 'tempo-traces'
      endpoint: 's3.amazonaws.com'
`;

const folder = process.argv[2] ?? "";

function must(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`test: ${command}: ${stderr}`);
}

must("ip", "link", "set", "lo", "up");
writeFileSync(join(folder, "hosts"), "127.0.0.1 localhost s3.amazonaws.com\n");
must("mount", "--bind", join(folder, "hosts"), "/etc/hosts");

using certs = await certificates("DNS:s3.amazonaws.com");
await using minio = await Minio.start({ tls: certs.server, port: 443 });
await minio.makeBucket("tempo-traces");

writeFileSync(join(folder, "tempo.yaml"), CONFIG);
const server = Bun.spawn({
  // Blocks wait five minutes for others otherwise; the file stays as it is.
  cmd: [
    process.execPath,
    join(ROOT, "src", "main.ts"),
    "-config.file=tempo.yaml",
    "-vivace.upload-wait=1s",
  ],
  cwd: folder,
  env: {
    ...{ PATH: process.env["PATH"], HOME: folder, NODE_EXTRA_CA_CERTS: certs.ca },
    ...{ AWS_ACCESS_KEY_ID: MINIO_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: MINIO_SECRET_KEY },
  },
  stdin: "ignore",
  stdout: Bun.file(join(folder, "out")),
  stderr: Bun.file(join(folder, "log")),
});
const log = () => readFileSync(join(folder, "log"), "utf8");

try {
  const ready = async () => {
    if (server.exitCode !== null) throw new Error(`test: it ended:\n${log()}`);
    const answer = await fetch("http://127.0.0.1:3200/ready").catch(() => undefined);
    return answer?.status === 200;
  };
  await waitFor(ready, log);
  const batch = randomBatch(prng(1));
  const taken = await fetch("http://127.0.0.1:14268/api/traces?format=jaeger.thrift", {
    method: "POST",
    headers: { "content-type": "application/vnd.apache.thrift.binary" },
    body: Buffer.from(encode("binary", thriftBatch(batch))),
  });
  const flushed = await fetch("http://127.0.0.1:3200/flush", { method: "POST" });
  const names = await waitFor(() => publishedIn(minio), log);
  writeSync(1, JSON.stringify({ taken: taken.status, flushed: flushed.status, names }));
} finally {
  server.kill("SIGKILL");
  await server.exited;
}

/** The objects, as soon as one of them publishes a block. */
async function publishedIn({ folder }: Minio): Promise<string[] | false> {
  const glob = new Bun.Glob("**/xl.meta");
  const names = [...glob.scanSync(join(folder, "data", "tempo-traces"))];
  return names.some((name) => name.startsWith("vivace/metas/")) && names.sort();
}
