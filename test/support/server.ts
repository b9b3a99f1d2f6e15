/**
 * The real process on folders and ports of its own, as a user starts it.
 *
 * Ports are 0 in the configuration; the log says which ones the system gave. Processes are ended
 * by their own pid, also when a test fails before it could.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./checkout.ts";
import { waitFor } from "./wait.ts";

/** By the path of the key: `{ "server.log_level": "debug" }`. Put over the defaults below. */
export type ServerSettings = Readonly<Record<string, unknown>>;

/** Several servers run side by side on small machines. */
const MEMORY_BUDGET_BYTES = 256 * 1024 * 1024;
const START_DEADLINE_MS = 60_000;
const EXIT_DEADLINE_MS = 60_000;

export class Server implements AsyncDisposable {
  readonly folder: string;
  readonly #launch: () => Running;
  #running: Running;

  private constructor(folder: string, { preload, root }: Pick<Launch, "preload" | "root">) {
    this.folder = folder;
    const args = [`-config.file=${this.configFile}`];
    this.#launch = () => launch({ args, preload, root });
    this.#running = this.#launch();
  }

  /**
   * Resolves when `/ready` is 200. Modules of `preload` are loaded into the process before its own
   * code, to let happen what does not happen by itself. `root` is a checkout of other code.
   */
  static async start(
    settings: ServerSettings = {},
    preload: readonly string[] = [],
    root: string = ROOT,
  ) {
    const folder = mkdtempSync(join(tmpdir(), "vivace-e2e-"));
    writeFileSync(join(folder, "vivace.yaml"), configText(folder, settings));
    const server = new Server(folder, { preload, root });
    try {
      await server.ready();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get configFile(): string {
    return join(this.folder, "vivace.yaml");
  }

  get blocksFolder(): string {
    return join(this.folder, "data", "blocks");
  }

  get walFolder(): string {
    return join(this.folder, "data", "wal");
  }

  get pid(): number {
    return this.#running.process.pid;
  }

  /** All of its output since its last start. */
  get log(): string {
    return this.#running.log();
  }

  /** Of the query API, without a slash at the end. */
  get api(): string {
    return this.#address(/msg="vivace started".* api=(\S+)/);
  }

  /** Of the gRPC API, likewise. */
  get grpc(): string {
    return this.#address(/msg="vivace started".* grpc=(\S+)/);
  }

  /** Of the receiver, without a path and without a slash at the end. */
  get otlp(): string {
    return this.receiver("otlp", "otlp_http");
  }

  /** The address of any receiver, by the key of its instance and by its kind. */
  receiver(name: string, kind: string): string {
    return this.#address(new RegExp(`msg="receiver listens" name=${name} kind=${kind} url=(\\S+)`));
  }

  /** Sends an ExportTraceServiceRequest, as an exporter does. */
  async send(body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
    return await fetch(`${this.otlp}/v1/traces`, {
      method: "POST",
      body,
      headers: { "content-type": "application/x-protobuf", ...headers },
    });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.api + path, { headers });
  }

  /** Resolves when what was acknowledged lies in blocks. */
  async flush(): Promise<void> {
    const { status } = await fetch(`${this.api}/flush`, { method: "POST" });
    if (status !== 204) throw new Error(`test: flush: ${status}\n${this.log}`);
  }

  /** Resolves when `/ready` is 200; throws when the process ends or the time does. */
  async ready(): Promise<void> {
    const ask = async () => {
      if (this.#running.process.exitCode !== null) throw new Error(`test: it ended:\n${this.log}`);
      if (!/msg="vivace started"/.test(this.log)) return false;
      const response = await this.get("/ready");
      await response.arrayBuffer();
      return response.status === 200 && /msg="receiver listens"/.test(this.log);
    };
    await waitFor(ask, () => `not ready:\n${this.log}`, START_DEADLINE_MS);
  }

  /** SIGTERM; resolves with the exit code when the process is gone. */
  async stop(): Promise<number> {
    this.#running.process.kill("SIGTERM");
    return await this.exited();
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#running.process.kill("SIGKILL");
    await this.exited();
  }

  signal(signal: NodeJS.Signals): void {
    this.#running.process.kill(signal);
  }

  /** The exit code, or 128 and the number of the signal. */
  async exited(): Promise<number> {
    const { process: child } = this.#running;
    await waitFor(
      () => child.exitCode !== null || child.signalCode !== null,
      () => `it does not end:\n${this.log}`,
      EXIT_DEADLINE_MS,
    );
    return await child.exited;
  }

  /** Starts it again on the same folders, after stop or kill. Ports are others. */
  async restart(): Promise<void> {
    await this.exited();
    this.#running.forget();
    this.#running = this.#launch();
    await this.ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.#running.forget();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #address(pattern: RegExp): string {
    const url = pattern.exec(this.log)?.[1];
    if (url === undefined) throw new Error(`test: no address in the log:\n${this.log}`);
    return url.replace(/\/$/, "");
  }
}

export interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

/** The process with these arguments, for starts that end by themselves. */
export async function runToEnd(args: readonly string[]): Promise<Ended> {
  const running = launch({ args, preload: [], root: ROOT });
  try {
    const exitCode = await running.process.exited;
    return { exitCode, output: running.log() };
  } finally {
    running.process.kill("SIGKILL");
    await running.process.exited;
    running.forget();
  }
}

/** A configuration with ports and folders of its own as text. */
export function configText(folder: string, settings: ServerSettings = {}): string {
  const all: ServerSettings = {
    "server.http_listen_port": 0,
    "server.grpc_listen_port": 0,
    "distributor.receivers.otlp.protocols.http.endpoint": "127.0.0.1:0",
    "storage.trace.local.path": join(folder, "data", "blocks"),
    "storage.trace.wal.path": join(folder, "data", "wal"),
    "vivace.memory_budget_bytes": MEMORY_BUDGET_BYTES,
    // Tests send spans of years ago, which retention would remove with their block.
    "backend_scheduler.provider.compaction.compaction.block_retention": "0s",
    ...settings,
  };
  const top: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(all)) {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    const at = keys.reduce((outer, key) => {
      const inner = (outer[key] ?? {}) as Record<string, unknown>;
      outer[key] = inner;
      return inner;
    }, top);
    at[last] = value;
  }
  // JSON is YAML.
  return JSON.stringify(top, undefined, 2);
}

interface Running {
  readonly process: Bun.Subprocess;
  log(): string;
  /** Removes the file of its output. */
  forget(): void;
}

interface Launch {
  readonly args: readonly string[];
  readonly preload: readonly string[];
  /** The checkout whose code runs. */
  readonly root: string;
}

function launch({ args, preload, root }: Launch): Running {
  const output = mkdtempSync(join(tmpdir(), "vivace-e2e-log-"));
  const path = join(output, "log");
  // A file and no pipe: nobody has to read for the process to go on. Appended to, by both.
  const file = openSync(path, "a");
  const child = Bun.spawn({
    cmd: [
      join(root, "node_modules", ".bin", "bun"),
      ...preload.flatMap((path) => ["--preload", path]),
      join(root, "src", "main.ts"),
      ...args,
    ],
    cwd: root,
    stdin: "ignore",
    stdout: file,
    stderr: file,
  });
  closeSync(file);
  // Whatever happens to the test: no process stays.
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  void child.exited.then(() => process.off("exit", end));
  return {
    process: child,
    log: () => readFileSync(path, "utf8"),
    forget: () => rmSync(output, { recursive: true, force: true }),
  };
}

/** A port that is free now; for what must keep its port, as a new thread of the same process. */
export async function freePort(): Promise<number> {
  const probe = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port } = probe;
  await probe.stop(true);
  return port as number;
}
