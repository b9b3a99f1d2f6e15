/**
 * Overload: the real server under more senders than it has room for, over HTTP and gRPC at once,
 * half of which obey when they are told to come again later and half do not.
 *
 *   bun bench/overload.ts [seconds] [processes] [connections of each] [niceness of senders]
 *
 * First all of them, unmeasured, as their code is new. Then four while the others stand by: the
 * best rate. Then all: goodput and memory. Then four again: how soon all is as before. At last the
 * four, with another tenant beside them that sends a hundred times what it may. Before all, what a
 * refusal costs: of a tenant that may send nothing, whose sender shares the machine with nobody.
 *
 * Senders share the machine with the server and yield to it: elsewhere they would not take what it
 * needs, and with more of them than processors nothing else would be measured.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hold } from "./budget.ts";
import type { SenderReport } from "./overload-sender.ts";

const seconds = Number(process.argv[2] ?? 60);
const processes = Number(process.argv[3] ?? 12);
const connections = Number(process.argv[4] ?? 48);
const nice = process.argv[5] ?? "15";
const FEW = 4;
const SPANS = 500;
const RECOVERY_SECONDS = 10;
const REFUSAL_SECONDS = 4;
const TICKS_A_SECOND = 100;
const WARM_SECONDS = 8;
const NOISY_BYTES_A_SECOND = 500_000;
const NOISY_TIMES = 100;
/** Of 380 bytes a span; both of the noisy tenant's senders together. */
const NOISY_REQUESTS_A_SECOND = (NOISY_TIMES * NOISY_BYTES_A_SECOND) / (SPANS * 380);
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
  `multitenancy_enabled: true
server: { http_listen_port: 13210, grpc_listen_port: 0, log_level: warn }
overrides: { per_tenant_override_config: ${folder}/tenants.yaml }
distributor:
  receivers:
    otlp:
      protocols:
        grpc: { endpoint: "${ADDRESSES.grpc}" }
        http: { endpoint: "${ADDRESSES.http}" }
storage: { trace: { wal: { path: ${folder}/wal }, local: { path: ${folder}/blocks } } }
`,
);
writeFileSync(
  join(folder, "tenants.yaml"),
  `overrides: { noisy: { ingestion: { rate_limit_bytes: ${NOISY_BYTES_A_SECOND},
    burst_size_bytes: ${2 * NOISY_BYTES_A_SECOND} } },
    barred: { ingestion: { rate_limit_bytes: 0 } } }`,
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
  for (const protocol of ["http", "grpc"] as const) await measureRefusal(protocol);
  const usual = await Promise.all(Array.from({ length: processes }, (_, at) => start(at)));
  senders.push(...usual);
  const few = usual.slice(0, FEW);
  const noisy = [await startNoisy("http"), await startNoisy("grpc")];
  senders.push(...noisy);
  await phase(usual, WARM_SECONDS);
  const best = await phase(few, Math.max(10, seconds / 3));
  say("four send", best);
  const all = await phase(usual, seconds);
  say("all send", all);
  const after = await phase(few, RECOVERY_SECONDS);
  say("four again", after);
  for (const sender of noisy) sender.send("start");
  const beside = await phase(few, RECOVERY_SECONDS);
  say("four beside a noisy tenant", beside);
  const [http, grpc] = await Promise.all(noisy.map((sender) => sender.report()));
  const alone = await phase(few, RECOVERY_SECONDS);
  say("four alone", alone);
  console.log(`noisy: ${http.taken + grpc.taken} taken, ${http.refused + grpc.refused} refused`);
  report({ best, all, after, beside, alone });
} finally {
  for (const sender of senders) sender.kill();
  server.kill("SIGTERM");
  await server.exited;
  rmSync(folder, { recursive: true, force: true });
}

function start(at: number): Promise<Sender> {
  const protocol = at % 2 === 0 ? "http" : "grpc";
  return spawn(protocol, [at % 4 < 2 ? "ignore" : "obey", `${connections}`, "usual"]);
}

/**
 * On a server that has nothing else to do, as what it merges would count as well; and less what it
 * takes when nobody asks for anything.
 */
async function measureRefusal(protocol: keyof typeof ADDRESSES): Promise<void> {
  const sender = await startBarred(protocol);
  await phase([sender], REFUSAL_SECONDS);
  const idle = await phase([], REFUSAL_SECONDS);
  const { cpuUs: us, refused, seconds: took } = await phase([sender], REFUSAL_SECONDS);
  const each = (us - (idle.cpuUs * took) / idle.seconds) / refused;
  hold(`overload_refusal_${protocol}_us`, each, `µs, with a body, of ${refused}`);
  sender.kill();
}

/** Half of what the noisy tenant sends. */
function startNoisy(protocol: keyof typeof ADDRESSES): Promise<Sender> {
  return spawn(protocol, ["ignore", "8", "noisy", `${NOISY_REQUESTS_A_SECOND / 2}`]);
}

/** Of a tenant that may send nothing. */
async function startBarred(protocol: keyof typeof ADDRESSES): Promise<Sender> {
  const sender = await spawn(protocol, ["ignore", "8", "barred"], "0");
  senders.push(sender);
  return sender;
}

/** `args` are those of the sender behind its address. */
async function spawn(
  protocol: keyof typeof ADDRESSES,
  args: readonly string[],
  niceness = nice,
): Promise<Sender> {
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  let told: (report: SenderReport) => void = () => {};
  const child = Bun.spawn({
    cmd: [
      ...[
        "nice",
        "-n",
        niceness,
        process.execPath,
        join(import.meta.dirname, "overload-sender.ts"),
      ],
      ...[protocol, ADDRESSES[protocol], ...args],
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

function cpuOfSpan({ cpuUs: us, taken }: Phase): number {
  return us / (taken * SPANS);
}

function say(name: string, one: Phase): void {
  console.log(
    `${name}: ${rate(one).toFixed(0)} spans/s taken, ${one.refused} requests refused ` +
      `(${one.unmarked} without a time to come again), ${one.failed} failed, ` +
      `${cpuOfSpan(one).toFixed(2)} µs CPU a span taken, ` +
      `${(one.rssBytes / 1e6).toFixed(0)} MB`,
  );
}

interface Phases {
  readonly best: Phase;
  readonly all: Phase;
  readonly after: Phase;
  readonly beside: Phase;
  readonly alone: Phase;
}

function report({ best, all, after, beside, alone }: Phases): void {
  const lost = (one: Phase, of: Phase) => 100 * (1 - rate(one) / rate(of));
  hold("overload_lost_percent", lost(all, best), "% of the best rate");
  hold("overload_recovery_lost_percent", lost(after, best), "%");
  hold("overload_rss_mb", Math.max(all.rssBytes, after.rssBytes) / 1e6, "MB");
  // Between the phases before and after it, as the machine is not the same all the time.
  const usual = (rate(after) + rate(alone)) / 2;
  hold("overload_noisy_percent", 100 * (1 - rate(beside) / usual), "% less of the others");
  hold("overload_unmarked", all.unmarked + all.failed, "requests");
}
