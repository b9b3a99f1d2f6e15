/**
 * Run by wal-file.test.ts: continues the log in the folder that is its argument, and prints each
 * group's ids once the group is durable, until it is killed.
 */
import { writeSync } from "node:fs";
import { prng } from "../../src/base/prng.ts";
import { walFolder } from "../../src/wal/wal-file.ts";
import { ids, payloadOf, record, replayAll, writerOf } from "./records.ts";

const disk = walFolder(process.argv[2] ?? "");
const replayed = replayAll(disk);
const random = prng(replayed.tail.nextStart);
const wal = writerOf({ disk, tail: replayed.tail, segmentBytesMax: 64 * 1024 });
let id = Math.max(0, ...ids(replayed));

for (let group = 0; group < 2000; group++) {
  const made = Array.from({ length: 1 + random.below(8) }, () => ++id);
  wal.append(made.map((one) => record("acme", payloadOf(one, one % 3000))));
  wal.sync();
  writeSync(1, `${made.join(" ")}\n`);
}
