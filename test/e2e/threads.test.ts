/** Threads that end by themselves: which ones come back, and which take the process with them. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { startLoad } from "../support/load.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { fetchSpans } from "../support/sent-span.ts";
import { freePort, Server } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";

const END_THREAD = join(import.meta.dirname, "..", "support", "end-thread.ts");
const ENDS = 3;
const BETWEEN = 100;
const TIMEOUT_MS = 90_000;
const REQUESTS_IN_HEAD = 2000;
const ASKING = 8;
/** More than PIN_MS_MAX in head-pins.ts. */
const SUSPENDED_MS = 32_000;

test(
  "an ingress thread that ends under load comes back on its port, and nothing is lost",
  async () => {
    // A port of the system's choice would be another one each time.
    const endpoint = `127.0.0.1:${await freePort()}`;
    const key = "distributor.receivers.otlp.protocols.http.endpoint";
    await using server = await Server.start({ [key]: endpoint }, [END_THREAD]);
    let running = true;
    const load = startLoad(server, { connections: 4, goOn: () => running });
    for (let end = 1; end <= ENDS; end++) {
      const before = load.acknowledged.length;
      await waitFor(
        () => load.acknowledged.length >= before + BETWEEN,
        () => `no requests are acknowledged\n${server.log}`,
      );
      server.signal("SIGUSR2");
      const listens = new RegExp(
        `(name=otlp kind=otlp_http url=http://${endpoint}/[^]*?){${end + 1}}`,
      );
      await waitFor(
        () => listens.test(server.log),
        () => `the thread does not come back\n${server.log}`,
      );
    }
    expect(server.log.match(/msg="thread ended" thread=ingress/g)).toHaveLength(ENDS);
    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toContain(`vivace_workers_restarted_total{worker="ingress"} ${ENDS}\n`);
    expect((await server.get("/ready")).status).toBe(200);
    running = false;
    expect(await server.stop()).toBe(0);
    await load.ended;
    await server.restart();
    for (const traceId of load.acknowledged) {
      const found = await fetchSpans({ api: server.api, traceId, form: "v2 protobuf" });
      expect(found).toHaveLength(load.spansPerRequest);
    }
  },
  TIMEOUT_MS,
);

test(
  "an ingest thread that ends takes the process with it, and the next start has all",
  async () => {
    await using server = await Server.start({}, [END_THREAD]);
    const body = requestOf([spanOf({ traceId: "e", spanId: "1" })]);
    expect((await server.send(body)).status).toBe(200);
    server.signal("SIGHUP");
    expect(await server.exited()).toBe(70);
    expect(server.log).toContain('msg="the process ends" thread=ingest');
    await server.restart();
    const found = await fetchSpans({ api: server.api, traceId: "e", form: "v1 JSON" });
    expect(found).toHaveLength(1);
  },
  TIMEOUT_MS,
);

test(
  "query threads live on when the process was suspended for longer than they may hold the head",
  async () => {
    await using server = await Server.start();
    const load = startLoad(server, { connections: 4, goOn: () => false });
    await waitFor(
      () => load.acknowledged.length >= REQUESTS_IN_HEAD,
      () => `no requests are acknowledged\n${server.log}`,
    );
    // The head is all that there is, so questions hold it most of the time.
    let running = true;
    const ask = (query: string) => server.get(`/api/search?q=${encodeURIComponent(query)}`);
    const asking = Array.from({ length: ASKING }, async () => {
      while (running) await (await ask("{ } | by(name) | count() > 1")).arrayBuffer();
    });
    await Bun.sleep(1000);
    server.signal("SIGSTOP");
    await Bun.sleep(SUSPENDED_MS);
    server.signal("SIGCONT");
    // The supervisor has looked twice.
    await Bun.sleep(3000);
    running = false;
    await Promise.all(asking);
    expect(server.log).not.toContain("overdue");
    expect(server.log).not.toContain("thread ended");
    const answer = await ask('{ name = "span 19" }');
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("traceID")]);
    expect(await server.stop()).toBe(0);
    await load.ended;
  },
  TIMEOUT_MS * 2,
);
