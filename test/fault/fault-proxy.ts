/**
 * An HTTP proxy on this machine that does to requests what networks and stores under load do.
 *
 * One connection upstream for each request, closed after it. What is decided for a request follows
 * from a plan, so that a run can be repeated.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { prng } from "../../src/base/prng.ts";

export type Fault =
  /** Answered so, and never forwarded. */
  | "500"
  | "503"
  | "403"
  /** Forwarded and carried out, then answered 500. */
  | "500 after"
  /** Closed before anything was forwarded. */
  | "dropped"
  /** Forwarded and carried out; then closed without an answer. */
  | "lost"
  /** Closed in the middle of the answer's body. */
  | "cut"
  /** Carried out, and answered a while later. */
  | "slow"
  /** Held until another of the same method and path is there, or a while: they go on together. */
  | "meets"
  /** Read, and never answered. */
  | "hangs";

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly fault: Fault | undefined;
  /** What the store answered; undefined: nothing yet, or it never heard of it. */
  status: number | undefined;
}

/** Decides by method and path, and how many requests there were before. */
export type Plan = (request: Pick<SeenRequest, "method" | "path">, at: number) => Fault | undefined;

const SLOW_MS = 150;
/** Well below the grace time of those who use it: what a held record says is as old as that. */
const MEET_MS_MAX = 1500;

export function randomPlan(seed: number, rate: number, faults: readonly Fault[]): Plan {
  const random = prng(seed);
  return () => (random.unit() < rate ? faults[random.below(faults.length)] : undefined);
}

export class FaultProxy implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  plan: Plan = () => undefined;
  /** Pairs of requests that met. */
  meetings = 0;
  /** By method and path, those that are held. */
  readonly #held = new Map<string, () => void>();
  readonly #server: Server;
  readonly #upstream: number;
  readonly #sockets = new Set<Socket>();

  private constructor(upstream: number) {
    this.#upstream = upstream;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(upstream: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream);
    const listening = Promise.withResolvers<void>();
    proxy.#server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    await closed.promise;
  }

  #serve(socket: Socket): void {
    this.#keep(socket);
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const request = wholeRequest(received);
      if (request === undefined) return;
      received = Buffer.alloc(0);
      this.#request(socket, request);
    });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A reset is what this is all about.
    socket.on("error", () => socket.destroy());
  }

  #request(client: Socket, request: RawRequest): void {
    const { method, path } = request;
    const fault = this.plan({ method, path }, this.seen.length);
    const seen = { method, path, fault, status: undefined };
    this.seen.push(seen);
    if (fault === "hangs") return;
    if (fault === "dropped") client.destroy();
    else if (fault === "500" || fault === "503" || fault === "403") client.end(refusal(fault));
    else if (fault === "meets") this.#meet(client, request, seen);
    else this.#forward(client, request, seen);
  }

  #meet(client: Socket, request: RawRequest, seen: SeenRequest): void {
    const name = `${request.method} ${request.path}`;
    const other = this.#held.get(name);
    const goOn = () => {
      if (this.#held.get(name) === goOn) this.#held.delete(name);
      clearTimeout(timer);
      this.#forward(client, request, seen);
    };
    const timer = setTimeout(goOn, MEET_MS_MAX);
    if (other === undefined) {
      this.#held.set(name, goOn);
      return;
    }
    this.meetings++;
    other();
    goOn();
  }

  #forward(client: Socket, { bytes }: RawRequest, seen: SeenRequest): void {
    const { fault } = seen;
    const upstream = connect(this.#upstream, "127.0.0.1", () => upstream.write(closing(bytes)));
    this.#keep(upstream);
    const parts: Buffer[] = [];
    upstream.on("data", (chunk: Buffer) => parts.push(chunk));
    // Not on its end: a server that refuses a body before it has read it resets the connection.
    upstream.on("close", () => {
      const answer = Buffer.concat(parts);
      seen.status = statusOf(answer);
      if (fault === "lost") client.destroy();
      else if (fault === "500 after") client.end(refusal("500"));
      else if (fault === "cut") this.#cut(client, answer);
      else if (fault === "slow") setTimeout(() => client.end(answer), SLOW_MS);
      else client.end(answer);
    });
  }

  /** Half of the body; an answer without one loses its end. */
  #cut(client: Socket, answer: Buffer): void {
    const body = answer.indexOf("\r\n\r\n") + 4;
    const sent = body < answer.length ? body + Math.floor((answer.length - body) / 2) : body - 6;
    client.write(answer.subarray(0, sent), () => client.destroy());
  }
}

function statusOf(answer: Buffer): number | undefined {
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer.toString("latin1", 0, 16))?.[1];
  return status === undefined ? undefined : Number(status);
}

interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly bytes: Buffer;
}

/** undefined until all of it is there. Clients say how long a body is. */
function wholeRequest(received: Buffer): RawRequest | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = received.toString("latin1", 0, end);
  if (/^transfer-encoding:/im.test(head)) throw new Error("test: a body without a length");
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  if (received.length < end + 4 + length) return undefined;
  const [method, path] = head.split(" ", 2);
  return { method, path, bytes: received };
}

function closing(request: Buffer): Buffer {
  const end = request.indexOf("\r\n");
  const head = request.toString("latin1", end, request.indexOf("\r\n\r\n"));
  const kept = head.replace(/\r\nconnection:[^\r]*/i, "");
  return Buffer.concat([
    request.subarray(0, end),
    Buffer.from(`${kept}\r\nconnection: close`, "latin1"),
    request.subarray(request.indexOf("\r\n\r\n")),
  ]);
}

/** What stands before a store says 503 without a word. */
function refusal(status: "500" | "503" | "403"): string {
  const code = status === "500" ? "InternalError" : "AccessDenied";
  const words = `<Error><Code>${code}</Code><Message>by plan</Message></Error>`;
  const body = status === "503" ? "" : words;
  return (
    `HTTP/1.1 ${status} by plan\r\ncontent-type: application/xml\r\n` +
    `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`
  );
}
