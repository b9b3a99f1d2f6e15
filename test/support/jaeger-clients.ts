/** Clients of Jaeger, old ones: OpenTelemetry's exporters, Jaeger's own, and a sampler. */
import { join } from "node:path";
import {
  Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ROOT } from "./checkout.ts";
import type { SentSpan } from "./sent-span.ts";
import { installed, run, type Tool } from "./tool-cache.ts";

/** OpenTelemetry's exporter for Python and Jaeger's own client. */
export const jaegerPython: Tool = {
  name: "jaeger-python",
  commands: ["python3"],
  files: ["jaeger.py", "jaeger-requirements.txt"],
  install: [
    ["python3", "-m", "venv", "venv"],
    [
      ...["venv/bin/python", "-m", "pip", "install", "--quiet", "--no-input"],
      ...["-r", "jaeger-requirements.txt"],
    ],
  ],
};

/** OpenTelemetry's exporter for Go, and its sampler that asks Jaeger's agent. */
export const jaegerGo: Tool = {
  name: "jaeger-go",
  commands: ["go"],
  files: ["jaeger.go", "jaeger.mod"],
  install: [
    ["cp", "jaeger.mod", "go.mod"],
    ["go", "mod", "tidy"],
    ["go", "build", "-o", "jaeger", "jaeger.go"],
  ],
};

/** Sends and tells what must arrive. */
export async function sendByPython(...args: readonly string[]): Promise<SentSpan[]> {
  const folder = await installed(jaegerPython);
  const python = join(folder, "venv", "bin", "python");
  const told = await run([python, "-I", "-W", "ignore", "jaeger.py", ...args], folder);
  return JSON.parse(told) as SentSpan[];
}

/** Likewise. */
export async function sendByGo(...args: readonly string[]): Promise<SentSpan[]> {
  const folder = await installed(jaegerGo);
  return JSON.parse(await run(["./jaeger", ...args], folder)) as SentSpan[];
}

/** A process that samples by what it is told. */
export class GoSampler implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #output: AsyncIterator<Uint8Array>;
  #read = "";

  static async start(url: string, service: string): Promise<GoSampler> {
    const folder = await installed(jaegerGo);
    return new GoSampler([join(folder, "jaeger"), "sample", url, service]);
  }

  private constructor(cmd: string[]) {
    this.#child = Bun.spawn({ cmd, stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#output = this.#child.stdout.values();
  }

  /** How many of so many traces are sampled whose root has this name. */
  async sampled(traces: number, root: string): Promise<number> {
    this.#child.stdin.write(`${traces} ${root}\n`);
    this.#child.stdin.flush();
    while (!this.#read.includes("\n")) {
      const { value, done } = await this.#output.next();
      if (done) throw new Error("test: the sampler has ended");
      this.#read += new TextDecoder().decode(value);
    }
    const [line, ...rest] = this.#read.split("\n");
    this.#read = rest.join("\n");
    return Number(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

type Done = (error: ServiceError | null, answer: unknown) => void;
type Call = (request: unknown, metadata: Metadata, done: Done) => void;

/** gRPC's own client with Jaeger's services; an error of theirs is a ServiceError. */
export class JaegerGrpc implements Disposable {
  readonly #target: string;
  readonly #clients: Client[] = [];

  constructor(url: string) {
    this.#target = new URL(url).host;
  }

  postSpans(request: unknown, headers: Record<string, string> = {}): Promise<unknown> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return this.#call(["CollectorService", "PostSpans"], request, metadata);
  }

  getSamplingStrategy(serviceName: string): Promise<unknown> {
    const path = ["SamplingManager", "GetSamplingStrategy"] as const;
    return this.#call(path, { serviceName }, new Metadata());
  }

  /** Bytes that need not be a message. */
  raw(method: string, bytes: Buffer): Promise<unknown> {
    const client = new Client(this.#target, credentials.createInsecure());
    this.#clients.push(client);
    const same = (value: Buffer) => value;
    const path = `/jaeger.api_v2.CollectorService/${method}`;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, bytes, (error, answer) => {
        if (error) reject(error);
        else resolve(answer);
      });
    });
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  #call(
    [service, method]: readonly [string, string],
    request: unknown,
    metadata: Metadata,
  ): Promise<unknown> {
    const client = new services[service](this.#target, credentials.createInsecure());
    this.#clients.push(client);
    // A generated client has a function for each method.
    const call = (client as unknown as Record<string, Call>)[method].bind(client);
    return new Promise((resolve, reject) => {
      call(request, metadata, (error, answer) => {
        if (error) reject(error);
        else resolve(answer);
      });
    });
  }
}

const definition = loadPackageDefinition(
  loadSync(["jaeger/api_v2/collector.proto", "jaeger/api_v2/sampling.proto"], {
    includeDirs: [join(ROOT, "proto")],
    defaults: true,
    longs: String,
    enums: String,
  }),
);
// The loader makes a tree of packages, in which these are.
const services = (definition as unknown as { jaeger: { api_v2: Record<string, typeof Client> } })
  .jaeger.api_v2;
