/**
 * An acknowledged span is in the next answer to every kind of question: while others send at full
 * speed, and while halves of the head are cut, published and made empty.
 */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { LedgerLoad } from "../fault/ledger-load.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server } from "../support/server.ts";

const ROUNDS = 25;
/** The server's own threads want most of a small machine. */
const CONNECTIONS = 2;
const TIMEOUT_MS = 300_000;
/** Apart from the spans of the load. */
const START = 1_800_000_000;
const IN_TIME = { start: String(START - 10), end: String(START + 10) };

interface Found {
  readonly traces?: readonly unknown[];
  readonly scopes?: readonly { readonly tags: readonly string[] }[];
  readonly tagValues?: readonly { readonly value: string }[];
  readonly series?: readonly { readonly value: number }[];
}

async function answerOf(server: Server, path: string, params: Record<string, string>) {
  const response = await server.get(`${path}?${new URLSearchParams({ ...IN_TIME, ...params })}`);
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as Found;
}

/** Which kinds of questions know of the round's span. */
async function seenIn(server: Server, round: number) {
  const q = `{ span.round = "r${round}" }`;
  const [byId, search, names, values, metrics] = await Promise.all([
    server.get(`/api/traces/${traceIdOf(round)}`),
    answerOf(server, "/api/search", { q }),
    answerOf(server, "/api/v2/search/tags", { scope: "span" }),
    answerOf(server, "/api/v2/search/tag/span.round/values", {}),
    answerOf(server, "/api/metrics/query", { q: `${q} | count_over_time()` }),
  ]);
  await byId.arrayBuffer();
  return {
    round,
    byId: byId.status,
    search: search.traces?.length,
    name: names.scopes?.some(({ tags }) => tags.includes(`only.in.${round}`)),
    value: values.tagValues?.some(({ value }) => value === `r${round}`),
    metrics: metrics.series?.[0]?.value,
  };
}

function traceIdOf(round: number): string {
  return `ab${round.toString(16).padStart(30, "0")}`;
}

async function sendRound(server: Server, round: number): Promise<void> {
  const time = `${START}000000000`;
  const span = spanOf({
    traceId: traceIdOf(round),
    spanId: "1",
    start: time,
    end: time,
    attributes: [
      ["round", ["string", `r${round}`]],
      [`only.in.${round}`, ["bool", true]],
    ],
  });
  const response = await server.send(requestOf([span]));
  await response.arrayBuffer();
  expect(response.status).toBe(200);
}

test(
  "an acknowledged span is in the next answer, whatever is asked",
  async () => {
    await using server = await Server.start();
    const load = new LedgerLoad(prng(5));
    const loading = load.run(server.otlp, CONNECTIONS);
    let isOver = false;
    let cuts = 0;
    const cutting = (async () => {
      for (; !isOver; cuts++) await server.flush();
    })();
    try {
      for (let round = 0; round < ROUNDS; round++) {
        await sendRound(server, round);
        expect(await seenIn(server, round)).toEqual({
          ...{ round, byId: 200, search: 1, name: true, value: true, metrics: 1 },
        });
      }
    } finally {
      isOver = true;
      load.stop();
      await Promise.all([loading, cutting]);
    }
    // It was under load, and was cut meanwhile.
    expect(load.acknowledgedSpans).toBeGreaterThan(0);
    expect(cuts).toBeGreaterThan(1);
  },
  TIMEOUT_MS,
);
