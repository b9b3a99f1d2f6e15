/**
 * Overload: the real server under more senders than it has room for, over HTTP and gRPC at once,
 * half of which obey when they are told to come again later and half do not.
 *
 *   bun bench/overload.ts [seconds] [processes] [connections of each]
 *
 * First four of the processes send while the others stand by: the best rate. Then all of them:
 * goodput, what a refusal costs the server, memory. Then four again: how soon all is as before.
 * Server and senders share the machine, so that the ratio also holds what senders cost each other.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hold } from "./budget.ts";
import type { SenderReport } from "./overload-sender.ts";

const seconds = Number(process.argv[2] ?? 60);
const processes = Number(process.argv[3] ?? 12);
const connections = Number(process.argv[4] ?? 48);
const FEW = 4;
const SPANS = 500;
const RECOVERY_SECONDS = 10;
const TICKS_A_SECOND = 100;
const API = "http://127.0.0.1:13210";
const ADDRESSES = { http: "127.0.0.1:14328", grpc: "127.0.0.1:14327" };
const root = join(import.meta.dirname, "..");

interface Sender {
  send(message: "start" | "stop"): void;
  /** What became of its requests since it was started. */
  report(): Promise<SenderReport>;
  kill(): void;
}

interface Phase extends SenderReport {
  readonly seconds: number;
  readonly cpuUs: number;
  readonly rssBytes: number;
}

const folder = mkdtempSync(join(tmpdir(), "vivace-bench-"));
writeFileSync(
  join(folder, "vivace.yaml"),
  `server: { http_listen_port: 13210, grpc_listen_port: 0, log_level: warn }
distributor:
  receivers:
    otlp:
      protocols:
        grpc: { endpoint: "${ADDRESSES.grpc}" }
        http: { endpoint: "${ADDRESSES.http}" }
storage: { trace: { wal: { path: ${folder}/wal }, local: { path: ${folder}/blocks } } }
`,
);
const server = Bun.spawn({
  cmd: [process.execPath, join(root, "src/main.ts"), `-config.file=${folder}/vivace.yaml`],
  stdout: "inherit",
  stderr: "inherit",
});
const senders: Sender[] = [];
try {
  while (!(await fetch(`${API}/ready`).catch(() => undefined))?.ok) {
    if (server.exitCode !== null) throw new Error("the server does not start");
    await Bun.sleep(50);
  }
  senders.push(...(await Promise.all(Array.from({ length: processes }, (_, at) => start(at)))));
  const few = senders.slice(0, FEW);
  await phase(few, 5);
  const best = await phase(few, Math.max(10, seconds / 3));
  say("four send", best);
  const all = await phase(senders, seconds);
  say("all send", all);
  const after = await phase(few, RECOVERY_SECONDS);
  say("four again", after);
  report(best, all, after);
} finally {
  for (const sender of senders) sender.kill();
  server.kill("SIGTERM");
  await server.exited;
  rmSync(folder, { recursive: true, force: true });
}

async function start(at: number): Promise<Sender> {
  const protocol = at % 2 === 0 ? "http" : "grpc";
  const manners = at % 4 < 2 ? "ignore" : "obey";
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  let told: (report: SenderReport) => void = () => {};
  const child = Bun.spawn({
    cmd: [
      ...[process.execPath, join(import.meta.dirname, "overload-sender.ts")],
      ...[protocol, ADDRESSES[protocol], manners, `${connections}`],
    ],
    // What the sender sends: "ready", then reports.
    ipc: (message: unknown) => {
      if (message === "ready") resolve();
      else told(message as SenderReport);
    },
    stderr: "inherit",
  });
  await ready;
  return {
    send: (message) => child.send(message),
    report: () =>
      new Promise((done) => {
        told = done;
        child.send("stop");
      }),
    kill: () => child.kill("SIGKILL"),
  };
}

async function phase(some: readonly Sender[], duration: number): Promise<Phase> {
  const cpuBefore = cpuUs();
  const began = performance.now();
  for (const sender of some) sender.send("start");
  let rssBytes = 0;
  while (performance.now() - began < duration * 1000) {
    rssBytes = Math.max(rssBytes, residentBytes());
    await Bun.sleep(100);
  }
  const reports = await Promise.all(some.map((sender) => sender.report()));
  const sum = (name: keyof SenderReport) => reports.reduce((total, one) => total + one[name], 0);
  return {
    taken: sum("taken"),
    refused: sum("refused"),
    unmarked: sum("unmarked"),
    failed: sum("failed"),
    seconds: (performance.now() - began) / 1000,
    cpuUs: cpuUs() - cpuBefore,
    rssBytes,
  };
}

function cpuUs(): number {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_A_SECOND;
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

function rate({ taken, seconds: duration }: Phase): number {
  return (taken * SPANS) / duration;
}

function say(name: string, one: Phase): void {
  console.log(
    `${name}: ${rate(one).toFixed(0)} spans/s taken, ${one.refused} requests refused ` +
      `(${one.unmarked} without a time to come again), ${one.failed} failed, ` +
      `${(one.cpuUs / (one.taken * SPANS)).toFixed(2)} µs CPU a span taken, ` +
      `${(one.rssBytes / 1e6).toFixed(0)} MB`,
  );
}

function report(best: Phase, all: Phase, after: Phase): void {
  const usual = (best.cpuUs / best.taken) * all.taken;
  if (all.refused > 0) hold("overload_refusal_us", (all.cpuUs - usual) / all.refused, "µs");
  hold("overload_lost_percent", 100 * (1 - rate(all) / rate(best)), "% of the best rate");
  hold("overload_recovery_lost_percent", 100 * (1 - rate(after) / rate(best)), "%");
  hold("overload_rss_mb", Math.max(all.rssBytes, after.rssBytes) / 1e6, "MB");
  hold("overload_unmarked", all.unmarked + all.failed, "requests");
}
