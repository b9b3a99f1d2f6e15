/**
 * Overload: the real server under more senders than it has room for, over HTTP and gRPC at once,
 * half of which obey when they are told to come again later and half do not.
 *
 *   bun bench/overload.ts [seconds] [processes] [connections of each] [niceness of senders] [part]
 *
 * Parts, all if none is named:
 *   refusal   what a refusal costs: of a tenant that may send nothing, whose sender shares the
 *             machine with nobody
 *   goodput   four send while the others stand by: the best rate. Then all: goodput and memory.
 *             Then four again: how soon all is as before
 *   noisy     the four, and again with another tenant beside them that sends a hundred times what
 *             it may, in turns
 * Before the last two all send for a while, unmeasured, as their code is new.
 *
 * The connections of each sender are of several tenants, as one alone may not have all that may be
 * in flight; there are as many when four send as when all do, or halves would become more blocks
 * in one part than in another. Senders share the machine with the server: what they take of it is
 * said beside what the server does, as many processes that send a little each take more than few
 * that send much, refused or not.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { hold, median } from "./budget.ts";
import type { SenderReport } from "./overload-sender.ts";

const seconds = Number(process.argv[2] ?? 60);
const processes = Number(process.argv[3] ?? 12);
const connections = Number(process.argv[4] ?? 48);
const nice = process.argv[5] ?? "0";
const parts = process.argv[6]?.split(",") ?? ["refusal", "goodput", "noisy"];
const FEW = 4;
const SPANS = 500;
const RECOVERY_SECONDS = 10;
const REFUSAL_SECONDS = 4;
const TICKS_A_SECOND = 100;
const WARM_SECONDS = 8;
const NOISY_TURNS = 15;
const NOISY_BYTES_A_SECOND = 500_000;
const NOISY_TIMES = 100;
/** Of 380 bytes a span; both of the noisy tenant's senders together. */
const NOISY_REQUESTS_A_SECOND = (NOISY_TIMES * NOISY_BYTES_A_SECOND) / (SPANS * 380);
/**
 * Senders that send little give memory back between two requests and fetch it again: of what a
 * request costs them, a third, and more the more of them there are.
 */
const KEEPS_MEMORY = { MIMALLOC_PURGE_DELAY: "-1" };
const API = "http://127.0.0.1:13210";
const ADDRESSES = { http: "127.0.0.1:14328", grpc: "127.0.0.1:14327" };
const root = join(import.meta.dirname, "..");

interface Sender {
  readonly pid: number;
  send(message: "start" | "stop"): void;
  /** What became of its requests since it was started. */
  report(): Promise<SenderReport>;
  kill(): void;
}

interface Phase extends SenderReport {
  readonly seconds: number;
  readonly cpuUs: number;
  /** Of the senders. */
  readonly sendersUs: number;
  /** Of the machine, of all its processors. */
  readonly idleUs: number;
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
  if (parts.includes("refusal")) {
    for (const protocol of ["http", "grpc"] as const) await measureRefusal(protocol);
  }
  const usual = await Promise.all(Array.from({ length: processes }, (_, at) => start(at)));
  senders.push(...usual);
  const few = usual.slice(0, FEW);
  const isMixed = parts.includes("goodput") || parts.includes("noisy");
  if (isMixed) await phase(usual, WARM_SECONDS);
  if (parts.includes("goodput")) await measureGoodput(usual, few);
  if (parts.includes("noisy")) await measureNoisy(few);
} finally {
  for (const sender of senders) sender.kill();
  server.kill("SIGTERM");
  await server.exited;
  rmSync(folder, { recursive: true, force: true });
}

function start(at: number): Promise<Sender> {
  const protocol = at % 2 === 0 ? "http" : "grpc";
  const manners = at % 4 < 2 ? "ignore" : "obey";
  // Those of four senders are all tenants, and so are those of all senders.
  const tenants = Array.from({ length: Math.ceil(processes / FEW) }, (_, turn) => {
    return `usual-${(at + turn * FEW) % processes}`;
  });
  return spawn(protocol, [manners, `${connections}`, tenants.join()]);
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

async function measureGoodput(usual: readonly Sender[], few: readonly Sender[]): Promise<void> {
  const best = await phase(few, Math.max(RECOVERY_SECONDS, seconds / 3));
  say("four send", best);
  const all = await phase(usual, seconds);
  say("all send", all);
  const after = await phase(few, RECOVERY_SECONDS);
  say("four again", after);
  // The best rate before and after: the machine is not the same all the time.
  const usualRate = (rate(best) + rate(after)) / 2;
  hold("overload_lost_percent", 100 * (1 - rate(all) / usualRate), "% of the best rate");
  hold("overload_recovery_lost_percent", 100 * (1 - rate(after) / rate(best)), "%");
  hold("overload_rss_mb", Math.max(all.rssBytes, after.rssBytes) / 1e6, "MB");
  hold("overload_unmarked", all.unmarked + all.failed, "requests");
}

/** In turns, as the machine is not the same all the time. */
async function measureNoisy(few: readonly Sender[]): Promise<void> {
  const noisy = [await startNoisy("http"), await startNoisy("grpc")];
  senders.push(...noisy);
  const alone: number[] = [];
  const beside: number[] = [];
  const ofNoisy = () => noisy.reduce((total, { pid }) => total + cpuUs(pid), 0);
  const noisyBefore = ofNoisy();
  let besideSeconds = 0;
  let taken = 0;
  let refused = 0;
  for (let turn = 0; turn < NOISY_TURNS; turn++) {
    alone.push(rate(await phase(few, seconds / NOISY_TURNS)));
    for (const sender of noisy) sender.send("start");
    const one = await phase(few, seconds / NOISY_TURNS);
    beside.push(rate(one));
    besideSeconds += one.seconds;
    for (const told of await Promise.all(noisy.map((sender) => sender.report()))) {
      taken += told.taken;
      refused += told.refused;
    }
  }
  alone.push(rate(await phase(few, seconds / NOISY_TURNS)));
  const shown = (rates: readonly number[]) => rates.map((one) => one.toFixed(0)).join(", ");
  console.log(`alone: ${shown(alone)} spans/s; beside a noisy tenant: ${shown(beside)}`);
  console.log(`noisy: ${taken} taken, ${refused} refused`);
  // Each turn against those around it, and less what its senders take of this machine themselves.
  const lost = median(beside.map((one, i) => 100 * (1 - (2 * one) / (alone[i] + alone[i + 1]))));
  const own = (ofNoisy() - noisyBefore) / (besideSeconds * 1e6 * availableParallelism());
  console.log(
    `${lost.toFixed(1)} % less, of which its senders' CPU is ${(100 * own).toFixed(1)} %`,
  );
  hold("overload_noisy_percent", lost - 100 * own, "% less of the others");
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
    env: { ...process.env, ...KEEPS_MEMORY },
  });
  await ready;
  return {
    pid: child.pid,
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
  const cpuBefore = cpuUs(server.pid);
  const ofSenders = () => some.reduce((total, { pid }) => total + cpuUs(pid), 0);
  const sendersBefore = ofSenders();
  const idleBefore = idleUs();
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
    cpuUs: cpuUs(server.pid) - cpuBefore,
    sendersUs: ofSenders() - sendersBefore,
    idleUs: idleUs() - idleBefore,
    rssBytes,
  };
}

function idleUs(): number {
  const [, , , , idle, waiting] = readFileSync("/proc/stat", "utf8").split(/ +/, 6).map(Number);
  return ((idle + waiting) * 1e6) / TICKS_A_SECOND;
}

function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
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
      `${cpuOfSpan(one).toFixed(2)} µs CPU a span taken, of senders ` +
      `${(one.sendersUs / (one.taken * SPANS)).toFixed(2)}, machine idle ` +
      `${((100 * one.idleUs) / (one.seconds * 1e6 * availableParallelism())).toFixed(0)} %, ` +
      `${(one.rssBytes / 1e6).toFixed(0)} MB`,
  );
}
