/** fake-gcs-server: the API of Google's storage, by people who are not Google. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { installed, type Tool } from "./tool-cache.ts";
import { waitFor } from "./wait.ts";

export const fakeGcsTool: Tool = {
  name: "fake-gcs-server",
  commands: ["go"],
  files: [],
  install: [
    ["go", "mod", "init", "vivace.test/fake-gcs"],
    ["go", "get", "github.com/fsouza/fake-gcs-server@v1.56.1"],
    ["go", "build", "-trimpath", "-o", "fake-gcs-server", "github.com/fsouza/fake-gcs-server"],
  ],
};

export class FakeGcs implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #process: Bun.Subprocess;

  private constructor(started: { port: number; folder: string; process: Bun.Subprocess }) {
    this.port = started.port;
    this.#folder = started.folder;
    this.#process = started.process;
  }

  /** Resolves when it takes requests; `buckets` are there then. */
  static async start(buckets: readonly string[]): Promise<FakeGcs> {
    const binary = join(await installed(fakeGcsTool), "fake-gcs-server");
    const folder = mkdtempSync(join(tmpdir(), "vivace-gcs-"));
    for (const bucket of buckets) mkdirSync(join(folder, "seed", bucket), { recursive: true });
    const port = await freePort();
    const address = ["-scheme", "http", "-host", "127.0.0.1", "-port", `${port}`];
    const where = ["-backend", "memory", "-data", join(folder, "seed")];
    const child = Bun.spawn({
      cmd: [binary, ...address, ...where, "-external-url", `http://127.0.0.1:${port}`],
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    // Whatever happens to the test: no process stays.
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    void child.exited.then(() => process.off("exit", end));
    const gcs = new FakeGcs({ port, folder, process: child });
    const healthy = async () => {
      if (child.exitCode !== null) throw new Error(`test: fake-gcs-server: ${child.exitCode}`);
      const answer = await fetch(`${gcs.endpoint}/storage/v1/b`).catch(() => undefined);
      return answer?.status === 200;
    };
    try {
      await waitFor(healthy, () => "fake-gcs-server is not ready");
    } catch (error) {
      await gcs[Symbol.asyncDispose]();
      throw error;
    }
    return gcs;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
