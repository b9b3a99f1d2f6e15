/** The real process under strace: kill -9 spares the page cache, so only this shows the syncs. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { Server } from "../support/server.ts";
import { parseCalls, systemCalls, whyNoStrace } from "./strace.ts";
import { syncOffences, WATCHED } from "./sync-order.ts";

const CLIENTS = 8;
const REQUESTS = 15;
const reason = process.env["CI"] === undefined ? whyNoStrace() : undefined;

test.skipIf(reason !== undefined)(
  `every answer follows a completed sync of its segment ${reason ?? ""}`,
  async () => {
    expect(whyNoStrace()).toBe(undefined);
    await using server = await Server.start();
    const marks: string[] = [];
    const client = async (number: number) => {
      for (let i = 0; i < REQUESTS; i++) {
        const mark = `mark-${number}-${i}-`;
        marks.push(mark);
        const traceId = `${number + 1}${String(i).padStart(3, "0")}`;
        const body = requestOf([spanOf({ traceId, spanId: "1", name: mark })]);
        expect((await server.send(body)).status).toBe(200);
      }
    };
    const file = join(server.folder, "calls");
    const calls = await systemCalls({ pid: server.pid, calls: WATCHED, file }, async () => {
      await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
    });
    expect(syncOffences(calls, marks)).toEqual([]);
    expect(marks).toHaveLength(CLIENTS * REQUESTS);
    // The segment was new, so the folder's sync was looked for.
    const made = calls.filter(({ name, text }) => name === "openat" && /O_CREAT.*wal/.test(text));
    expect(made).not.toEqual([]);
  },
  120_000,
);

const GOOD = `7 recvfrom(20<socket:[1]>, "POST /v1/traces m1", 99, 0) = 99
9 openat(AT_FDCWD, "/w/1.wal", O_RDWR|O_CREAT|O_EXCL, 0644) = 5</w/1.wal>
9 pwritev(5</w/1.wal>, [{iov_base="m1", iov_len=2}], 1, 64) = 2
9 openat(AT_FDCWD, "/w", O_RDONLY) = 6</w>
9 fsync(6</w>) = 0
9 fdatasync(5</w/1.wal> <unfinished ...>
7 recvfrom(21<socket:[2]>, "POST", 99, 0) = 4
9 <... fdatasync resumed>) = 0
7 sendto(20<socket:[1]>, "HTTP/1.1 200 OK", 15, 0) = 15
`;

test("the order is told from what is out of order", () => {
  const offences = (text: string) => syncOffences(parseCalls(text), ["m1"]);
  const lines = GOOD.split("\n");
  expect(offences(GOOD)).toEqual([]);
  const early = [...lines.slice(0, 6), lines[8], ...lines.slice(6, 8)].join("\n");
  expect(offences(early)).toEqual(["m1: answered before its segment was synced"]);
  expect(offences(GOOD.replace("resumed>) = 0", "resumed>) = -1 EIO"))).toHaveLength(1);
  expect(offences(GOOD.replace("fdatasync(5</w/1.wal>", "fdatasync(5</w/2.wal>"))).toHaveLength(1);
  expect(offences(lines.filter((line) => !line.includes("fsync(6")).join("\n"))).toEqual([
    "m1: answered before the name of its segment was synced",
  ]);
  expect(offences(lines.filter((line) => !line.includes("pwritev")).join("\n"))).toHaveLength(1);
});
