/** A MinIO of its own for a test: the real thing that S3 means on one's own machines. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "minio";
import type { Pair } from "./certificates.ts";
import { freePort } from "./free-port.ts";
import { installed, type Tool } from "./tool-cache.ts";
import { waitFor } from "./wait.ts";

const VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c";

export const minioTool: Tool = {
  name: "minio",
  commands: ["go"],
  files: [],
  install: [
    ["go", "mod", "init", "vivace.test/minio"],
    ["go", "get", `github.com/minio/minio@${VERSION}`],
    ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", "minio", "github.com/minio/minio"],
  ],
};

export const MINIO_ACCESS_KEY = "vivace-test";
export const MINIO_SECRET_KEY = "vivace-test-secret";

export interface MinioOptions {
  /** Serves TLS with it; clients then need its authority. */
  readonly tls?: Pair;
  readonly env?: Readonly<Record<string, string>>;
  /** One that is free, unless it must be a certain one. */
  readonly port?: number;
}

export class Minio implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #process: Bun.Subprocess;
  readonly #tls: boolean;

  private constructor(
    { port, folder }: { readonly port: number; readonly folder: string },
    process: Bun.Subprocess,
    tls: boolean,
  ) {
    this.port = port;
    this.folder = folder;
    this.#process = process;
    this.#tls = tls;
  }

  /** Resolves when it takes requests. */
  static async start({ tls, env = {}, port: wanted }: MinioOptions = {}): Promise<Minio> {
    const binary = join(await installed(minioTool), "minio");
    const folder = mkdtempSync(join(tmpdir(), "vivace-minio-"));
    const certs = join(folder, "certs");
    mkdirSync(certs);
    if (tls !== undefined) {
      copyFileSync(tls.cert, join(certs, "public.crt"));
      copyFileSync(tls.key, join(certs, "private.key"));
    }
    const port = wanted ?? (await freePort());
    const address = `127.0.0.1:${port}`;
    const args = ["server", "--quiet", "--address", address, "--certs-dir", certs];
    const child = Bun.spawn({
      cmd: [binary, ...args, join(folder, "data")],
      env: {
        ...{ PATH: process.env["PATH"], HOME: folder, MINIO_BROWSER: "off" },
        ...{ MINIO_ROOT_USER: MINIO_ACCESS_KEY, MINIO_ROOT_PASSWORD: MINIO_SECRET_KEY },
        ...env,
      },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    // Whatever happens to the test: no process stays.
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    void child.exited.then(() => process.off("exit", end));
    const minio = new Minio({ port, folder }, child, tls !== undefined);
    const trusting = { rejectUnauthorized: false };
    const url = `${tls === undefined ? "http" : "https"}://${address}/`;
    const healthy = async () => {
      if (child.exitCode !== null) throw new Error(`test: minio ended: ${child.exitCode}`);
      const answer = await fetch(url, { tls: trusting }).catch(() => undefined);
      await answer?.arrayBuffer();
      // It refuses strangers as soon as it knows who anybody is, which is after it says ready.
      return answer?.status === 403;
    };
    try {
      await waitFor(healthy, () => "minio is not ready");
    } catch (error) {
      await minio[Symbol.asyncDispose]();
      throw error;
    }
    return minio;
  }

  async makeBucket(bucket: string): Promise<void> {
    const keys = { accessKey: MINIO_ACCESS_KEY, secretKey: MINIO_SECRET_KEY };
    const place = { endPoint: "127.0.0.1", port: this.port, useSSL: this.#tls };
    const transportAgent = new Agent({ rejectUnauthorized: false });
    const agent = this.#tls ? { transportAgent } : {};
    await new Client({ ...place, ...keys, ...agent, region: "us-east-1" }).makeBucket(bucket);
  }

  /** As in `storage.trace.s3.endpoint`. */
  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
