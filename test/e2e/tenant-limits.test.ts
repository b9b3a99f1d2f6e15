/** Rates of tenants on the real server: what is refused is said, a changed file holds at once. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { configText, runToEnd, Server } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "vivace-limits-"));
const file = join(folder, "overrides.yaml");
let server: Server;
let spans = 0;

const write = (text: string) => writeFileSync(file, text);

beforeAll(async () => {
  write("overrides: {small: {ingestion: {rate_limit_bytes: 1, burst_size_bytes: 2000}}}");
  server = await Server.start({
    multitenancy_enabled: true,
    "overrides.per_tenant_override_config": file,
    "overrides.per_tenant_override_period": "50ms",
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Of about so many bytes. */
async function send(tenant: string, bytes: number) {
  spans += 1;
  const span = spanOf({ traceId: `${spans}`, spanId: `${spans}`, name: "x".repeat(bytes) });
  const response = await server.send(requestOf([span]), { "x-scope-orgid": tenant });
  const text = await response.text();
  return { status: response.status, retry: response.headers.get("retry-after"), text };
}

test("a tenant over its rate is refused and told, others are not", async () => {
  expect(await send("small", 1000)).toMatchObject({ status: 200 });
  const refused = await send("small", 1000);
  expect(refused).toMatchObject({ status: 429, retry: "1" });
  expect(refused.text).toContain("RATE_LIMITED: ingestion rate limit (local: 1 bytes");
  const never = await send("small", 3000);
  expect(never).toMatchObject({ status: 413, retry: null });
  expect(never.text).toContain("RATE_LIMITED: batch size (");
  expect(await send("large", 100_000)).toMatchObject({ status: 200 });
  const metrics = await (await server.get("/metrics")).text();
  expect(metrics).toMatch(/tempo_discarded_spans_total\{.*rate_limited.*tenant="small".*\} 1\n/);
});

test("a changed file holds at once, and a wrong one changes nothing", async () => {
  write("overrides: {small: {}, '*': {ingestion_rate_limit_bytes: 0}}");
  await waitFor(
    async () => (await send("large", 10)).status === 429,
    () => "the file is not read again",
  );
  write("overrides: {small: {rate: 5}}");
  await waitFor(
    () => server.log.includes("limits of tenants stay as they were"),
    () => server.log,
  );
  expect(await send("large", 10)).toMatchObject({ status: 429 });
  write("overrides: {}");
  await waitFor(
    async () => (await send("large", 10)).status === 200,
    () => "the file is not read again",
  );
  expect(await send("small", 10_000)).toMatchObject({ status: 200 });
});

test("a wrong file stops the start", async () => {
  const path = join(folder, "vivace.yaml");
  const wrong = join(folder, "wrong.yaml");
  writeFileSync(wrong, "overrides: {a: {ingestion: {rate_limit_bytes: fast}}}");
  writeFileSync(path, configText(folder, { "overrides.per_tenant_override_config": wrong }));
  const { exitCode, output } = await runToEnd([`-config.file=${path}`]);
  expect(exitCode).toBe(1);
  expect(output).toContain(`${wrong}:1:29: overrides.a.ingestion.rate_limit_bytes: "fast" is not`);
});

test("-config.verify reads the files that the configuration names", async () => {
  const path = join(folder, "verified.yaml");
  const [overrides, strategies] = [join(folder, "of-tenants.yaml"), join(folder, "s.json")];
  const settings = {
    "overrides.per_tenant_override_config": overrides,
    "distributor.receivers.jaeger.remote_sampling.strategy_file": strategies,
  };
  writeFileSync(path, configText(folder, settings));
  const verify = () => runToEnd([`-config.file=${path}`, "-config.verify"]);
  const none = await verify();
  expect(none.exitCode).toBe(1);
  expect(none.output).toContain(`error: ${overrides}: cannot be read`);
  expect(none.output).toContain(`error: ${strategies}: `);
  writeFileSync(overrides, "overrides: {a: {ingestion: {tenant_shard_size: 3, rate_limit: 5}}}");
  writeFileSync(strategies, '{"default_strategy": {"type": "sometimes"}}');
  const wrong = await verify();
  expect(wrong.exitCode).toBe(1);
  expect(wrong.output).toContain(`error: ${overrides}:1:51: overrides.a.ingestion.rate_limit: `);
  expect(wrong.output).toContain(`error: ${strategies}: `);
  writeFileSync(overrides, "overrides: {a: {ingestion: {tenant_shard_size: 3}}}");
  writeFileSync(strategies, '{"default_strategy": {"type": "probabilistic", "param": 0.5}}');
  const warned = await verify();
  expect(warned.exitCode).toBe(1);
  expect(warned.output).toMatch(
    /^warning: .*tenant_shard_size: .*\nthe configuration is valid, with/,
  );
  writeFileSync(overrides, "overrides: {a: {ingestion: {rate_limit_bytes: 3}}}");
  expect(await verify()).toEqual({ exitCode: 0, output: "the configuration is valid\n" });
});
