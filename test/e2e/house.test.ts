/** The process as an operator meets it: pages, metrics, starts that must fail, and stops. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { startLoad } from "../support/load.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { fetchSpans } from "../support/sent-span.ts";
import { configText, runToEnd, Server } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";

/** Each starts a process or several. */
const TIMEOUT_MS = 60_000;

const oneSpan = (traceId: string) => requestOf([spanOf({ traceId, spanId: "1" })]);

async function foundSpans(server: Server, traceId: string): Promise<number> {
  return (await fetchSpans({ api: server.api, traceId, form: "v2 protobuf" })).length;
}

describe("pages of a running server", () => {
  let server: Server;

  beforeAll(async () => {
    server = await Server.start({
      "server.log_level": "debug",
      "live_store.max_block_duration": "7m",
    });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const text = async (path: string) => await (await server.get(path)).text();

  test("/ready", async () => {
    const response = await server.get("/ready");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("ready\n");
  });

  test("/status/config shows what is in force, and by mode what differs", async () => {
    const whole = parse((await text("/status/config")).replace(/^.*\n/, ""));
    expect(whole.storage.trace.local.path).toBe(server.blocksFolder);
    expect(whole.live_store.max_block_duration).toBe("7m0s");
    expect(whole.server.log_level).toBe("debug");
    const differing = parse((await text("/status/config?mode=diff")).replace(/^.*\n/, ""));
    expect(differing.server).toEqual({
      ...{ http_listen_port: 0, grpc_listen_port: 0 },
      log_level: "debug",
    });
    expect(await text("/status/config?mode=wrong")).toContain("mode");
  });

  test("what it shows can be started from", async () => {
    const file = join(server.folder, "again.yaml");
    writeFileSync(file, (await text("/status/config")).replace(/^.*\n/, ""));
    const { exitCode, output } = await runToEnd([`-config.file=${file}`, "-config.verify"]);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.any(String) });
  });

  test("/status, /api/echo and build info", async () => {
    expect(await text("/status")).toContain("GET /status/config");
    expect(await text("/status/services")).toContain("Running");
    expect(await text("/api/echo")).toBe("echo\n");
    expect(JSON.parse(await text("/api/status/buildinfo"))).toMatchObject({ version: "3.0.0" });
  });

  test("unknown paths and methods", async () => {
    expect((await server.get("/")).status).toBe(404);
    expect((await server.get("/api/nothing")).status).toBe(404);
    expect((await server.get("/flush")).status).toBe(405);
    expect((await fetch(`${server.otlp}/v1/logs`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${server.otlp}/v1/traces`)).status).toBe(405);
    expect((await server.get("/api/traces/xyz")).status).toBe(400);
  });

  test("/metrics counts what came, what lies in the head, and what is in blocks", async () => {
    expect((await server.send(oneSpan("11"))).status).toBe(200);
    expect((await server.send(new TextEncoder().encode("not protobuf"))).status).toBe(400);
    const before = await metrics(server);
    const tenant = '{tenant="single-tenant"}';
    expect(before.get(`tempo_distributor_spans_received_total${tenant}`)).toBe(1);
    expect(before.get("vivace_head_rows")).toBe(1);
    expect(before.get("vivace_block_rows")).toBe(0);
    expect(before.get("vivace_wal_bytes")).toBeGreaterThan(0);
    await server.flush();
    const after = await metrics(server);
    expect(after.get("vivace_head_rows")).toBe(0);
    expect(after.get("vivace_block_rows")).toBe(1);
    expect(after.get("vivace_wal_bytes")).toBeLessThan(before.get("vivace_wal_bytes") ?? 0);
    expect(after.get(`tempodb_blocklist_length${tenant}`)).toBe(1);
    expect(after.get("tempo_live_store_blocks_completed_total")).toBe(1);
    expect(after.get("tempo_live_store_ready")).toBe(1);
    const names = new Set([...after.keys()].map((key) => key.replace(/\{.*/, "")));
    expect([...names]).toEqual(expect.arrayContaining(METRICS));
  });
});

/** Names that dashboards and alerts are built on. */
const METRICS = [
  ...["process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"],
  ...["tempo_build_info", "tempo_discarded_spans_total", "tempo_distributor_bytes_received_total"],
  ...["tempo_distributor_spans_received_total", "tempo_live_store_blocks_completed_total"],
  ...["tempo_live_store_blocks_cut_total", "tempo_live_store_failed_completions_total"],
  ...["tempo_live_store_ready", "tempo_receiver_accepted_spans", "tempo_receiver_refused_spans"],
  ...["tempo_request_duration_seconds_count", "tempodb_blocklist_length"],
  ...["tempodb_retention_deleted_total", "vivace_block_bytes", "vivace_block_rows"],
  ...["vivace_disk_failing", "vivace_head_rows", "vivace_replay_bytes", "vivace_ring_bytes"],
  ...["vivace_wal_bytes", "vivace_wal_damaged_bytes_total", "vivace_wal_torn_bytes_total"],
];

/** Values by the name with its labels. */
async function metrics(server: Server): Promise<Map<string, number>> {
  const text = await (await server.get("/metrics")).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

describe("a start that must not be", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "vivace-e2e-"));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const start = async (text: string) => {
    const file = join(folder, "vivace.yaml");
    writeFileSync(file, text);
    return await runToEnd([`-config.file=${file}`]);
  };

  test(
    "on a bad configuration names every problem with its line",
    async () => {
      const text = [
        "server:",
        "  http_listen_prot: 3200",
        "  log_level: loud",
        "live_store: {max_block_duration: -1s}",
        "",
      ].join("\n");
      const { exitCode, output } = await start(text);
      expect(exitCode).toBe(1);
      const problems = output.trimEnd().split("\n");
      expect(problems).toHaveLength(3);
      expect(problems[0]).toMatch(/vivace\.yaml:2:.*http_listen_prot.*http_listen_port/);
      expect(problems[1]).toMatch(/vivace\.yaml:3:.*log_level.*loud/);
      expect(problems[2]).toMatch(/vivace\.yaml:4:.*max_block_duration/);
    },
    TIMEOUT_MS,
  );

  test(
    "without its configuration file",
    async () => {
      const { exitCode, output } = await runToEnd([`-config.file=${join(folder, "none.yaml")}`]);
      expect(exitCode).toBe(1);
      expect(output).toContain("none.yaml");
      expect(output).not.toContain("    at ");
    },
    TIMEOUT_MS,
  );

  test(
    "with a file in the place of a folder",
    async () => {
      const file = join(folder, "taken");
      writeFileSync(file, "");
      const { exitCode, output } = await start(
        configText(folder, { "storage.trace.wal.path": join(file, "wal") }),
      );
      expect(exitCode).toBe(1);
      expect(output).toContain(file);
      expect(output).not.toContain("    at ");
    },
    TIMEOUT_MS,
  );

  test(
    "on the folders of another process names its pid, and leaves it alone",
    async () => {
      await using server = await Server.start();
      const { exitCode, output } = await start(configText(server.folder));
      expect(exitCode).toBe(1);
      expect(output).toContain(`is in use by process ${server.pid}`);
      // Either folder alone is enough.
      const elsewhere = { "storage.trace.wal.path": join(folder, "wal") };
      const second = await start(configText(server.folder, elsewhere));
      expect(second.exitCode).toBe(1);
      expect(second.output).toContain(`${server.blocksFolder} is in use by process ${server.pid}`);
      expect((await server.send(oneSpan("1"))).status).toBe(200);
      expect((await server.get("/ready")).status).toBe(200);
    },
    TIMEOUT_MS,
  );

  for (const reusePort of [false, true]) {
    test(
      `on a port that a stranger holds${reusePort ? " and would share" : ""}`,
      async () => {
        await using stranger = Bun.serve({
          ...{ hostname: "127.0.0.1", port: 0, reusePort },
          fetch: () => new Response("stranger"),
        });
        const api = await start(configText(folder, { "server.http_listen_port": stranger.port }));
        expect(api.exitCode).toBe(1);
        expect(api.output).toContain(`127.0.0.1:${stranger.port}`);
        const endpoint = `127.0.0.1:${stranger.port}`;
        const key = "distributor.receivers.otlp.protocols.http.endpoint";
        const receiver = await start(configText(folder, { [key]: endpoint }));
        expect(receiver.exitCode).toBe(1);
        expect(receiver.output).toContain(endpoint);
      },
      TIMEOUT_MS,
    );
  }
});

describe("a stop", () => {
  test(
    "of an idle server",
    async () => {
      await using server = await Server.start();
      expect(await server.stop()).toBe(0);
      expect(server.log).toContain("msg=stopped");
    },
    TIMEOUT_MS,
  );

  test(
    "under load cuts no request and loses nothing that was acknowledged",
    async () => {
      await using server = await Server.start();
      const load = startLoad(server, { connections: 8 });
      await waitFor(
        () => load.acknowledged.length >= 300,
        () => `only ${load.acknowledged.length} requests were acknowledged\n${server.log}`,
      );
      // npm passes a signal on that the terminal has sent as well.
      server.signal("SIGTERM");
      server.signal("SIGTERM");
      expect(await server.exited()).toBe(0);
      await load.ended;
      expect(load.cut).toEqual([]);
      expect([...load.refused.keys()].filter((status) => status !== 503)).toEqual([]);
      await server.restart();
      const after = await metrics(server);
      const rows = (after.get("vivace_head_rows") ?? 0) + (after.get("vivace_block_rows") ?? 0);
      expect(rows).toBe(load.acknowledged.length * load.spansPerRequest);
      for (const traceId of load.acknowledged) {
        expect(await foundSpans(server, traceId)).toBe(load.spansPerRequest);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "under queries answers each that came",
    async () => {
      await using server = await Server.start();
      const spans = Array.from({ length: 2000 }, (_, at) =>
        spanOf({ traceId: "7", spanId: `${at + 1}`, name: `span ${at}` }),
      );
      expect((await server.send(requestOf(spans))).status).toBe(200);
      const url = `${server.api}/api/traces/7`;
      const statuses: number[] = [];
      const cut: string[] = [];
      const ask = async () => {
        for (;;) {
          try {
            const response = await fetch(url);
            await response.arrayBuffer();
            statuses.push(response.status);
          } catch (error) {
            const text = String(error instanceof Error && "code" in error ? error.code : error);
            if (!/ConnectionRefused|ECONNREFUSED/.test(text)) cut.push(text);
            return;
          }
        }
      };
      const asking = Promise.all(Array.from({ length: 8 }, ask));
      await waitFor(
        () => statuses.length >= 100,
        () => `only ${statuses.length} answers\n${server.log}`,
      );
      expect({ exitCode: await server.stop(), log: server.log }).toEqual({
        exitCode: 0,
        log: expect.not.stringContaining("cut off"),
      });
      await asking;
      expect(cut).toEqual([]);
      expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "waits for a request that is half-way, and keeps it",
    async () => {
      await using server = await Server.start();
      const body = oneSpan("abc");
      const client = await halfRequest(server, body);
      server.signal("SIGTERM");
      await waitFor(
        () => server.log.includes("msg=stopping"),
        () => server.log,
      );
      client.socket.write(body.subarray(body.length / 2));
      const answer = await waitFor(
        () => / 200 .*\r\n\r\n/s.exec(client.text())?.[0],
        () => `answer: ${client.text()}\n${server.log}`,
      );
      expect(answer.toLowerCase()).toContain("connection: close");
      expect(await server.exited()).toBe(0);
      await server.restart();
      expect(await foundSpans(server, "abc")).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    "comes in the configured time, whatever a client does not do",
    async () => {
      await using server = await Server.start({ "server.graceful_shutdown_timeout": "500ms" });
      await halfRequest(server, oneSpan("abc"));
      expect(await server.stop()).toBe(1);
      expect(server.log).toContain("reason=graceful_shutdown_timeout");
    },
    TIMEOUT_MS,
  );

  test(
    "by SIGKILL loses nothing that was acknowledged",
    async () => {
      await using server = await Server.start();
      for (const id of ["1", "2"]) expect((await server.send(oneSpan(id))).status).toBe(200);
      await server.flush();
      for (const id of ["2", "3"]) expect((await server.send(oneSpan(id))).status).toBe(200);
      await server.kill();
      await server.restart();
      // The second was sent twice, and is one span in the head and the block.
      for (const id of ["1", "2", "3"]) expect(await foundSpans(server, id)).toBe(1);
    },
    TIMEOUT_MS,
  );
});

interface HalfRequest {
  readonly socket: Socket;
  /** What the server has said. */
  text(): string;
}

/** A request whose handler waits for the second half of the body. */
async function halfRequest(server: Server, body: Uint8Array): Promise<HalfRequest> {
  const { hostname, port } = new URL(server.otlp);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("data", (data) => {
    text += data.toString("latin1");
  });
  // The server may end it; what counts is what it said before.
  socket.on("error", () => {});
  const head = [
    "POST /v1/traces HTTP/1.1",
    `Host: ${hostname}`,
    "Content-Type: application/x-protobuf",
    `Content-Length: ${body.length}`,
    "Expect: 100-continue",
    "\r\n",
  ];
  socket.write(head.join("\r\n"));
  await waitFor(
    () => text.includes("100 Continue"),
    () => `no 100: ${text}`,
  );
  socket.write(body.subarray(0, body.length / 2));
  return { socket, text: () => text };
}
