/** A disk without room: refusals that say so, nothing lost, no hand needed once there is room. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";
import { holdRows, holdTraces } from "./kill-rounds.ts";
import { LedgerLoad } from "./ledger-load.ts";
import { SmallDisk, whyNoSmallDisk } from "./small-disk.ts";

const reason = process.env["CI"] === undefined ? whyNoSmallDisk() : undefined;
const TIMEOUT_MS = 120_000;
const CONNECTIONS = 4;

const onDisk = (disk: SmallDisk) => ({
  "storage.trace.local.path": join(disk.path, "blocks"),
  "storage.trace.wal.path": join(disk.path, "wal"),
});

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (let bytes = 1024 * 1024; bytes >= 4096; ) {
      try {
        writeSync(file, new Uint8Array(bytes));
      } catch {
        bytes /= 2;
      }
    }
  } finally {
    closeSync(file);
  }
}

async function sendUntilRefused(server: Server, ledger: LedgerLoad): Promise<void> {
  const refusals = () => ledger.refused.get(503) ?? 0;
  const before = refusals();
  const running = ledger.run(server.otlp, CONNECTIONS);
  await waitFor(
    () => refusals() > before + 20,
    () => `nothing is refused: ${JSON.stringify([...ledger.refused])}`,
  );
  ledger.stop();
  await running;
}

/** A small request may still fit into the last free pages; this one does not. */
async function expectRefusal(server: Server): Promise<void> {
  const name = "x".repeat(4 * 1024 * 1024);
  const response = await server.send(requestOf([spanOf({ traceId: "f0", spanId: "1", name })]));
  expect(response.status).toBe(503);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  const ready = await server.get("/ready");
  expect(ready.status).toBe(503);
  expect(await ready.text()).toMatch(/disk of the log is full|log cannot be written/);
}

/** What was acknowledged before, and what is sent now, is there. */
async function expectWhole(server: Server, ledger: LedgerLoad): Promise<void> {
  await waitFor(
    async () => (await server.get("/ready")).status === 200,
    () => `it does not recover:\n${server.log}`,
    30_000,
  );
  const before = ledger.acknowledged.length;
  const running = ledger.run(server.otlp, CONNECTIONS);
  await waitFor(
    () => ledger.acknowledged.length > before + 50,
    () => `nothing is taken: ${JSON.stringify([...ledger.refused])}`,
  );
  ledger.stop();
  await running;
  const offences: string[] = [];
  await holdRows(server, { ledger, offences });
  await holdTraces(server, ledger.requests.slice(0, 300), offences);
  await holdTraces(server, ledger.requests.slice(-300), offences);
  expect(offences).toEqual([]);
  expect(ledger.cutOff).toEqual([]);
}

test.skipIf(reason !== undefined)(
  `a disk that others filled ${reason ?? ""}`,
  async () => {
    using disk = SmallDisk.mount(192);
    await using server = await Server.start(onDisk(disk));
    const ledger = new LedgerLoad(prng(21));
    const running = ledger.run(server.otlp, CONNECTIONS);
    await waitFor(
      () => ledger.acknowledged.length > 100,
      () => "nothing is taken",
    );
    const filler = join(disk.path, "filler");
    fill(filler);
    await waitFor(
      () => (ledger.refused.get(503) ?? 0) > 20,
      () => `nothing is refused: ${JSON.stringify([...ledger.refused])}`,
    );
    ledger.stop();
    await running;
    await expectRefusal(server);
    const pid = server.pid;
    rmSync(filler);
    await expectWhole(server, ledger);
    expect(server.pid).toBe(pid);
    await server.kill();
    await server.restart();
    await expectWhole(server, ledger);
  },
  TIMEOUT_MS,
);

test.skipIf(reason !== undefined)(
  `a disk that the log filled ${reason ?? ""}`,
  async () => {
    using disk = SmallDisk.mount(40);
    await using server = await Server.start(onDisk(disk));
    const ledger = new LedgerLoad(prng(22));
    await sendUntilRefused(server, ledger);
    await expectRefusal(server);
    const { pid } = server;
    disk.resize(64);
    await expectWhole(server, ledger);
    expect(server.pid).toBe(pid);
    await sendUntilRefused(server, ledger);
    await expectRefusal(server);
    // Full once more, and now it is killed as well.
    await server.kill();
    disk.resize(256);
    await server.restart();
    await expectWhole(server, ledger);
    await server.flush();
    await expectWhole(server, ledger);
  },
  TIMEOUT_MS,
);
