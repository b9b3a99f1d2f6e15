/** The SQL in README.md, word for word, over blocks that the real server wrote. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../support/checkout.ts";
import { python } from "../support/python.ts";
import { pythonSdk } from "../support/python-sdk.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import type { SentSpan, SentValue } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, run, titled } from "../support/tool-cache.ts";

const SQL = join(import.meta.dirname, "sql.py");
const BASE_NS = 1_700_000_000_000_000_000n;
const SECOND_NS = 1_000_000_000n;

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The statements of the section, in order. */
function statements(): string[] {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const section = readme.split(/^## /m).find((text) => text.startsWith("SQL over blocks\n")) ?? "";
  return [...section.matchAll(/^```sql\n(.*?)^```$/gms)].map((match) => match[1]);
}

interface Case {
  readonly at: bigint;
  readonly ms: number;
  readonly status: SentValue;
  readonly exception?: string;
}

/** One span a trace; the number is in its ids and its name. */
function span(number: number, { at, ms, status, exception }: Case): SentSpan {
  const start = BASE_NS + at * SECOND_NS;
  const end = start + BigInt(ms) * 1_000_000n;
  const events = [
    { time: String(start), name: "started", attributes: [] },
    {
      time: String(end),
      name: "exception",
      attributes: [["exception.message", ["string", exception ?? ""]]] as const,
    },
  ];
  return spanOf({
    traceId: `${number}`,
    spanId: `${number}`,
    name: `GET /${number}`,
    start: String(start),
    end: String(end),
    attributes: [["http.response.status_code", status]],
    events: exception === undefined ? events.slice(0, 1) : events,
    resource: [["service.name", ["string", `shop-${number}`]]],
  });
}

const id = (number: number) => `${number}`.padStart(32, "0");

test.skipIf(leftOut(pythonSdk))(
  titled("finds spans by attribute, by duration and by event", pythonSdk),
  async () => {
    // Two blocks: the second lacks columns that the first one has, and the other way about.
    const status = (code: number): SentValue => ["int", String(code)];
    await send([
      span(1, { at: 1n, ms: 20, status: status(200) }),
      span(2, { at: 9n, ms: 1500, status: status(500) }),
      span(3, { at: 3n, ms: 1000, status: status(499), exception: "no such cart" }),
      span(4, { at: 4n, ms: 10, status: ["string", "503"] }),
    ]);
    await send([
      span(5, { at: 5n, ms: 2000, status: status(503), exception: "it said 'no' 🚀" }),
      { ...span(6, { at: 6n, ms: 1, status: status(200) }), attributes: [], events: [] },
    ]);
    await send([{ ...span(7, { at: 7n, ms: 1001, status: status(0) }), attributes: [] }]);

    const file = join(server.folder, "statements.json");
    writeFileSync(file, JSON.stringify(statements()));
    // The paths in the statements are those of the default configuration.
    const answers = JSON.parse(await run([python(), "-I", SQL, file], server.folder)) as unknown;
    const row = (number: number) => ({ trace_id: id(number), name: `GET /${number}` });
    const rowOfService = (number: number) => ({ ...row(number), service_name: `shop-${number}` });
    expect(answers).toEqual([
      [rowOfService(5), rowOfService(2)],
      [
        { ...rowOfService(5), ms: 2000 },
        { ...rowOfService(2), ms: 1500 },
        { ...rowOfService(7), ms: 1001 },
      ],
      [
        { ...row(3), message: "no such cart" },
        { ...row(5), message: "it said 'no' 🚀" },
      ],
    ]);
  },
  INSTALL_TIMEOUT_MS,
);

async function send(spans: readonly SentSpan[]): Promise<void> {
  const response = await server.send(requestOf(spans));
  expect(response.status).toBe(200);
  await server.flush();
}
