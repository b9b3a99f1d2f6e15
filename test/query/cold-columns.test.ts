/**
 * The first questions about a block, of which no column was read before. Each has a server to
 * itself, and the block has one tenant alone: then its dictionaries are believed before its rows.
 */
import { expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server } from "../support/server.ts";

/** Unix seconds. */
const START = 1_700_000_040;
const SPANS = 300;
const SERVICES = ["a", "b", "c"];

async function askFirst(path: string, params: Record<string, string>): Promise<unknown> {
  await using server = await Server.start();
  const spans = Array.from({ length: SPANS }, (_, i) =>
    spanOf({
      traceId: (i + 1).toString(16),
      spanId: "1",
      start: `${START + 1}000000000`,
      end: `${START + 2}000000000`,
      kind: i % 2,
      resource: [
        ["service.name", ["string", SERVICES[i % SERVICES.length]]],
        [`only.${SERVICES[i % SERVICES.length]}`, ["string", "x"]],
      ],
    }),
  );
  const sent = await server.send(requestOf(spans));
  expect([sent.status, await sent.text()]).toEqual([200, ""]);
  await server.flush();
  const all = { start: String(START), end: String(START + 60), ...params };
  const response = await server.get(`${path}?${new URLSearchParams(all)}`);
  expect(response.status).toBe(200);
  return await response.json();
}

test("compare() counts every span by its resource", async () => {
  const q = "{ } | compare({ kind = internal })";
  const body = (await askFirst("/api/metrics/query", { q })) as {
    readonly series: readonly {
      readonly labels: readonly { key: string; value: { stringValue?: string } }[];
      readonly value?: number;
    }[];
  };
  const ofServices = body.series.flatMap(({ labels, value = 0 }) => {
    const of = new Map(labels.map((label) => [label.key, label.value.stringValue]));
    const service = of.get("resource.service.name");
    return service === undefined ? [] : [`${of.get("__meta_type")} ${service} ${value}`];
  });
  const each = SPANS / 2 / SERVICES.length;
  expect(ofServices.toSorted()).toEqual([
    ...SERVICES.map((service) => `baseline ${service} ${each}`),
    `baseline_total nil ${SPANS / 2}`,
    ...SERVICES.map((service) => `selection ${service} ${each}`),
    `selection_total nil ${SPANS / 2}`,
  ]);
});

test("names of attributes are those of the resources of what a filter finds", async () => {
  const q = '{ resource.service.name != "c" && kind = internal }';
  const body = await askFirst("/api/v2/search/tags", { q, scope: "resource" });
  expect(body).toMatchObject({
    scopes: [{ name: "resource", tags: ["only.a", "only.b", "service.name"] }],
  });
});
